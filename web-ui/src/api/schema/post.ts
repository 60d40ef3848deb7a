/** Publications, comments, files, and how far they have got. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { group_ref, person_ref, SITE_STATES, site_ref } from "./ref";

export const attachment = object({
  blob: text,
  name: text,
  size: count,
  media_type: text,
  picture: nullable(object({ width: count, height: count })),
  state: oneOf("here", "fetching", "elsewhere"),
  url: text,
  thumb_url: nullable(text),
});
export type Attachment = Decoded<typeof attachment>;

export const delivery = object({ kept: flag, received: count, of: count });
export type Delivery = Decoded<typeof delivery>;

const reaction = object({ emoji: text, count, mine: flag });
export type Reaction = Decoded<typeof reaction>;
export const EMOJI = ["👍", "❤️", "👏", "😄", "💡", "🙏"] as const;

export const comment = object({
  id: text,
  post: text,
  author: nullable(person_ref),
  html: text,
  text,
  created: text,
  edited: nullable(text),
  deleted: flag,
  reactions: list(reaction),
  delivery,
  erased: nullable(flag),
  mine: flag,
  may: object({ edit: flag, delete: flag, erase: nullable(flag) }),
});
export type Comment = Decoded<typeof comment>;

export const post = object({
  id: text,
  group: group_ref,
  author: nullable(person_ref),
  automatic: nullable(object({ source: text, source_title: text, author: nullable(text), url: nullable(text) })),
  title: text,
  html: text,
  text,
  created: text,
  edited: nullable(text),
  deleted: flag,
  attachments: list(attachment),
  reactions: list(reaction),
  comments: count,
  last_comments: list(comment),
  delivery,
  mine: flag,
  may: object({ edit: flag, delete: flag, comment: flag, react: flag, erase: nullable(flag) }),
  /** Erased for good: what stays is the place where it was. */
  erased: nullable(flag),
  not_delivered: nullable(text),
});
export type Post = Decoded<typeof post>;

export const arrival = object({
  site: site_ref,
  self: flag,
  received: flag,
  at: nullable(text),
  state: oneOf(...SITE_STATES),
});
export type Arrival = Decoded<typeof arrival>;

export const preview = object({ html: text });
