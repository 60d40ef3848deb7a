/** The sites of the organisation, as this site sees them. */

import * as calls from "../api/network";
import type { Network, Pairing, SiteView } from "../api/schema/network";

export type { JoinProgress, Network, Pairing, SiteNode, SiteView, StepState } from "../api/schema/network";
export {
  cancelPairing,
  confirmPairing,
  confirmRecovery,
  createPairing,
  getAdminSite,
  getPairing,
  getPairings,
  getRecovery,
  patchAdminSite,
} from "../api/network";

const net = $state<{ view: Network | null; error: unknown }>({ view: null, error: null });

export function network(): Network | null {
  return net.view;
}
export function networkError(): unknown {
  return net.error;
}

export async function loadNetwork(): Promise<void> {
  try {
    net.view = await calls.getNetwork();
    net.error = null;
  } catch (error) {
    net.error = error;
  }
}

/** Takes up one site as the node now describes it. */
export function keepSite(site: SiteView): void {
  if (net.view === null) return;
  if (site.self) net.view.self = site;
  else net.view.sites = net.view.sites.map((one) => (one.id === site.id ? site : one));
}

const listeners = new Set<(id: string) => void>();

/** A pairing has moved on: whoever shows one reads it again. */
export function pairingMoved(id: string): void {
  for (const run of listeners) run(id);
}
export function onPairing(run: (id: string) => void): () => void {
  listeners.add(run);
  return () => listeners.delete(run);
}

/** A pairing that still wants something from the admin. */
export function isOpen(pairing: Pairing): boolean {
  return ["open", "claimed", "compare", "waiting"].includes(pairing.state);
}
