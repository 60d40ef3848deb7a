/** How this site is reached, and what came of trying to reach another. */

import { count, flag, list, nullable, object, oneOf, text, type Decoded } from "./decode";
import { site_ref } from "./ref";

export const reach = object({
  nat: oneOf("public", "private", "unknown"),
  addresses: list(object({ address: text, kind: oneOf("listen", "announced", "observed", "relay", "mapped"), confirmed: flag })),
  relay: object({ using: nullable(site_ref), serving: count }),
  upnp: oneOf("off", "trying", "mapped", "failed"),
  mdns: flag,
});
export type Reach = Decoded<typeof reach>;

export const line_test = object({
  steps: list(
    object({
      id: oneOf("address", "name", "udp", "tcp", "handshake", "admitted", "answer"),
      state: oneOf("ok", "failed", "skipped"),
      detail: text,
      ms: nullable(count),
    }),
  ),
  /** A stable code. */
  advice: text,
  via: oneOf("direct", "relay", "none"),
});
export type LineTest = Decoded<typeof line_test>;

export const bundle_result = object({ from: site_ref, entries: count, new_entries: count, groups: count, files: count, gaps: count, left_out: count });
export type BundleResult = Decoded<typeof bundle_result>;
