/** Removals: who no longer belongs, since when, and which sites have confirmed it. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { person_ref, SITE_STATES, site_ref } from "./ref";

/** One site's word that something has been done there. */
export const confirmation = object({ site: site_ref, confirmed: flag, at: nullable(text), state: oneOf(...SITE_STATES) });
export type Confirmation = Decoded<typeof confirmation>;

export const removal = object({
  id: text,
  person: nullable(person_ref),
  site: nullable(site_ref),
  /** The machine that was removed. */
  node: nullable(text),
  by: nullable(person_ref),
  at: text,
  reason: text,
  state: oneOf("proposed", "in_force"),
  signed: list(person_ref),
  needed: count,
  sites: list(confirmation),
  /** Entries that were left out by it. */
  not_counted: count,
});
export type Removal = Decoded<typeof removal>;
