/** What one wrote and the rules did not let count. */

import { flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { group_ref } from "./ref";

const undelivered_item = object({
  id: text,
  kind: oneOf("post", "comment", "edit", "delete", "reaction", "source", "page"),
  group: group_ref,
  post: nullable(text),
  title: text,
  text,
  created: text,
  /** A stable code. */
  reason: text,
  can_resend: flag,
});
export type Undelivered = Decoded<typeof undelivered_item>;
export const undelivered = object({ items: list(undelivered_item) });
