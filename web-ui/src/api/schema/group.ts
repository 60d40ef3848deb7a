/** Groups and who is in them. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { ACCESSES, KINDS, person_ref, ROLES, site_ref } from "./ref";

export const group = object({
  id: text,
  name: text,
  kind: oneOf(...KINDS),
  access: oneOf(...ACCESSES),
  purpose: text,
  role: nullable(oneOf(...ROLES)),
  may: object({ post: flag, comment: flag, manage: flag, join: flag, leave: flag }),
  members: nullable(count),
  sites: list(site_ref),
  created: text,
  unread: count,
  last_activity: nullable(text),
  official: flag,
});
export type Group = Decoded<typeof group>;

export const groups = object({ mine: list(group), others: list(group) });
export type Groups = Decoded<typeof groups>;

export const member = object({ person: person_ref, role: oneOf(...ROLES), since: text });
export type Member = Decoded<typeof member>;
