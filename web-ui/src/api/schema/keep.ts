/** What this site keeps, and what is erased for good. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { group_ref, person_ref, SITE_STATES, site_ref } from "./ref";

const kept_group = object({
  /** Nothing when the viewer may not know of it. */
  group: nullable(group_ref),
  entries: count,
  bytes: count,
  file_bytes: count,
  keep_days: nullable(count),
  state: oneOf("complete", "filling", "leaving", "removed"),
  have: count,
  of: count,
});
export type KeptGroup = Decoded<typeof kept_group>;

export const storage = object({
  disk: object({ free: count, total: count, level: oneOf("ok", "low", "critical") }),
  journal: count,
  index: count,
  files: count,
  thumbs: count,
  groups: list(kept_group),
  keep_days: nullable(count),
  /** Reading everything through again: damaged places among the entries, and damaged or lost files, so far. */
  check: object({ running: flag, finished: nullable(text), places: count, files: count }),
});
export type Storage = Decoded<typeof storage>;

export const erasure = object({
  id: text,
  what: oneOf("post", "comment", "page", "person"),
  by: person_ref,
  at: text,
  reason: text,
  group: nullable(group_ref),
  state: oneOf("waiting", "working", "done", "objected", "held"),
  due: nullable(text),
  sites: list(object({ site: site_ref, done: flag, at: nullable(text), state: oneOf(...SITE_STATES) })),
});
export type Erasure = Decoded<typeof erasure>;

/** A line of the site's log. `kind` is a word of the node's. */
const audit_line = object({ at: text, kind: text, by: nullable(person_ref), about: text });
export const audit_page = object({ items: list(audit_line), next: nullable(count), intact: flag });
export type AuditLine = Decoded<typeof audit_line>;
