/** Who administers the organisation, and how many of them must agree. */

import { count, list, nullable, object, text, type Decoded } from "./decode";
import { person_ref } from "./ref";

const proposal = object({
  id: text,
  admins: list(person_ref),
  threshold: count,
  signed: list(person_ref),
  needed: count,
  by: nullable(person_ref),
  at: text,
});
export type Proposal = Decoded<typeof proposal>;

export const constitution = object({
  revision: count,
  admins: list(person_ref),
  threshold: count,
  /** How many recovery keys exist. */
  recovery: count,
  proposals: list(proposal),
  /** Who signed two changes that exclude each other. */
  equivocation: nullable(object({ by: list(person_ref) })),
});
export type Constitution = Decoded<typeof constitution>;
