/** Groups and who is in them. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { ACCESSES, KINDS, person_ref, ROLES, site_ref } from "./ref";

export const POSTERS = ["members", "facilitators"] as const;
export const GUESTS = ["comment", "read"] as const;
export type Policy = { post: (typeof POSTERS)[number]; guests: (typeof GUESTS)[number] };

export const group = object({
  id: text,
  name: text,
  kind: oneOf(...KINDS),
  access: oneOf(...ACCESSES),
  purpose: text,
  role: nullable(oneOf(...ROLES)),
  may: object({
    post: flag,
    comment: flag,
    manage: flag,
    join: flag,
    leave: flag,
    change_policy: nullable(flag),
    /** Decide how long it keeps. */
    keep: nullable(flag),
    /** The viewer administers the organisation and could name an owner. */
    appoint: nullable(flag),
  }),
  members: nullable(count),
  sites: list(site_ref),
  created: text,
  unread: count,
  last_activity: nullable(text),
  official: flag,
  policy: nullable(object({ post: oneOf(...POSTERS), guests: oneOf(...GUESTS) })),
  retention: nullable(object({ days: nullable(count), hold: flag })),
  /** Older entries are still arriving at this site. */
  filling: nullable(object({ have: count, of: count })),
});
export type Group = Decoded<typeof group>;

export const groups = object({ mine: list(group), others: list(group) });
export type Groups = Decoded<typeof groups>;

export const member = object({ person: person_ref, role: oneOf(...ROLES), since: text });
export type Member = Decoded<typeof member>;
