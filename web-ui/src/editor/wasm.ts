/** The engine that merges texts, fetched once, when the first page is opened. */

import { initializeWasm } from "@automerge/automerge/slim";
import address from "@automerge/automerge/automerge.wasm?url";

let coming: Promise<void> | undefined;

/** Resolves when texts can be opened. A failure is forgotten, so that the next try is a fresh one. */
export function ready(): Promise<void> {
  coming ??= initializeWasm(address).catch((error: unknown) => {
    coming = undefined;
    throw error;
  });
  return coming;
}
