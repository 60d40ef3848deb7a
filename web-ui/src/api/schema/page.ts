/** Pages: rich text written together in a group. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { delivery } from "./post";
import { group_ref, person_ref } from "./ref";

export const TEMPLATES = ["blank", "minutes", "project", "practice", "checklist"] as const;
export type Template = (typeof TEMPLATES)[number];

const reference = {
  id: text,
  group: group_ref,
  title: text,
  /** One emoji, or nothing. */
  icon: text,
  created: text,
  by: nullable(person_ref),
  edited: nullable(text),
  edited_by: nullable(person_ref),
  deleted: flag,
};
export const page_ref = object(reference);
export type PageRef = Decoded<typeof page_ref>;

export const page_view = object({
  ...reference,
  /** As the node last rendered it, cleaned: shown before the editor stands. */
  html: text,
  text_chars: count,
  heads: list(text),
  may: object({ edit: flag, rename: flag, delete: flag, restore: flag, comment: flag, erase: flag }),
  delivery,
  writers: list(person_ref),
  state: oneOf("ok", "quarantined", "waiting"),
});
export type PageView = Decoded<typeof page_view>;

export const page_version = object({
  id: text,
  at: text,
  from: text,
  people: list(person_ref),
  changes: count,
  added: count,
  removed: count,
});
export type PageVersion = Decoded<typeof page_version>;

export const version_text = object({ at: text, people: list(person_ref), html: text, text });
export type VersionText = Decoded<typeof version_text>;

export const comparison = object({ parts: list(object({ op: oneOf("same", "added", "removed"), text })) });
export type Comparison = Decoded<typeof comparison>;

export const page_authors = object({ spans: list(object({ start: count, end: count, person: nullable(person_ref) })) });
export type AuthorSpan = Decoded<typeof page_authors>["spans"][number];

const said = {
  id: text,
  author: nullable(person_ref),
  html: text,
  text,
  created: text,
  edited: nullable(text),
  may: object({ edit: flag, delete: flag, resolve: flag, erase: flag }),
};
const page_reply = object(said);
export type PageReply = Decoded<typeof page_reply>;
export const page_comment = object({
  ...said,
  anchor: object({ start: text, end: text }),
  quote: text,
  resolved: nullable(object({ by: nullable(person_ref), at: text })),
  replies: list(page_reply),
});
export type PageComment = Decoded<typeof page_comment>;
export const page_comments = object({ items: list(page_comment) });
