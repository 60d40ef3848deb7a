/** Sites, and how two of them become one network. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { SITE_STATES } from "./ref";

export const progress = object({ have: count, of: count });
export type Progress = Decoded<typeof progress>;

const site_node = object({
  id: text,
  fingerprint: text,
  addresses: list(text),
  state: nullable(oneOf("member", "suspended", "revoked", "forked")),
  /** Addresses that an admin wrote down at this site. */
  static: nullable(list(text)),
  via: nullable(oneOf("direct", "relay")),
});
export type SiteNode = Decoded<typeof site_node>;

export const site_view = object({
  id: text,
  name: text,
  company: nullable(text),
  self: flag,
  state: oneOf(...SITE_STATES),
  since: nullable(text),
  up_to_date: nullable(text),
  waiting: count,
  nodes: list(site_node),
  people: count,
  /** Its machines are kept from the exchange for now. */
  suspended: nullable(flag),
  /** It no longer belongs to the organisation. */
  removed: nullable(flag),
  /** While catching up: entries that came, of those known to exist. */
  progress: nullable(progress),
});
export type SiteView = Decoded<typeof site_view>;

export const network = object({
  self: site_view,
  sites: list(site_view),
  catching_up: nullable(object({ have: count, of: count, groups: count })),
});
export type Network = Decoded<typeof network>;

const step_state = oneOf("todo", "doing", "done", "failed");
const failure = nullable(object({ code: text, message: text, step: nullable(text) }));
export type PairFailure = Decoded<typeof failure>;

export const join_progress = object({
  state: oneOf("idle", "working", "compare", "waiting", "done", "failed"),
  steps: list(object({ id: oneOf("read", "reach", "prove", "compare", "admit", "receive"), state: step_state })),
  digits: nullable(text),
  organisation: nullable(text),
  other_site: nullable(text),
  admin: nullable(text),
  fingerprint: nullable(text),
  error: failure,
});
export type JoinProgress = Decoded<typeof join_progress>;

export const pairing = object({
  id: text,
  state: oneOf("open", "claimed", "compare", "waiting", "paired", "failed", "expired", "cancelled"),
  text: nullable(text),
  link: nullable(text),
  qr_svg: nullable(text),
  expires: text,
  digits: nullable(text),
  other_site: nullable(text),
  fingerprint: nullable(text),
  error: failure,
  steps: list(object({ id: oneOf("wait", "reach", "prove", "compare", "admit", "send"), state: step_state })),
});
export type Pairing = Decoded<typeof pairing>;
export type StepState = "todo" | "doing" | "done" | "failed";
