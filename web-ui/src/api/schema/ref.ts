/** Short forms that other shapes carry. */

import { object, oneOf, text, type Decoded } from "./decode";

export const site_ref = object({ id: text, name: text });
export type SiteRef = Decoded<typeof site_ref>;

export const person_ref = object({
  id: text,
  name: text,
  site: site_ref,
  state: oneOf("active", "invited", "suspended", "former"),
});
export type PersonRef = Decoded<typeof person_ref>;

export const SITE_STATES = ["self", "connected", "away", "never"] as const;

export const KINDS = ["trade", "project", "place", "theme", "product", "visibility", "general"] as const;
export const ACCESSES = ["open", "closed", "secret"] as const;
export const ROLES = ["owner", "facilitator", "member", "reader", "guest"] as const;
export type GroupKind = (typeof KINDS)[number];
export type Access = (typeof ACCESSES)[number];
export type Role = (typeof ROLES)[number];

export const group_ref = object({ id: text, name: text, kind: oneOf(...KINDS), access: oneOf(...ACCESSES) });
export type GroupRef = Decoded<typeof group_ref>;
