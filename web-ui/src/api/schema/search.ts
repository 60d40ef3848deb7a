/** What a search answers. */

import { count, list, nullable, object, oneOf, text, type Decoded, type Decoder } from "./decode";
import { person } from "./person";
import { attachment } from "./post";
import { group_ref, person_ref } from "./ref";

const pair: Decoder<[number, number]> = (value, at) => {
  const [from, to] = list(count)(value, at);
  return [from ?? 0, to ?? 0];
};

/** Plain text, and where the words that fit begin and end. */
export const marked = object({ text, marks: list(pair) });
export type Marked = Decoded<typeof marked>;

export const HITS = ["post", "comment", "page", "page_comment", "file"] as const;

export const hit = object({
  kind: oneOf(...HITS),
  id: text,
  post: nullable(text),
  page: nullable(text),
  group: group_ref,
  author: nullable(person_ref),
  source: nullable(text),
  source_title: nullable(text),
  created: text,
  title: marked,
  context: marked,
  file: nullable(attachment),
});
export type Hit = Decoded<typeof hit>;

export const answer = object({
  people: list(person),
  groups: list(group_ref),
  items: list(hit),
  next: nullable(text),
  missing: nullable(object({ groups: count, have: count, of: count })),
  filling: nullable(object({ done: count, of: count })),
});
export type Answer = Decoded<typeof answer>;

export const saved = object({ name: text, query: text });
export type Saved = Decoded<typeof saved>;
