/** Reaching other sites, by line or by file. */

import * as calls from "../api/reach";
import { saveFile } from "../lib/save";
import { loadNetwork, keepSite } from "./network.svelte";
import { withSudo } from "./sudo.svelte";
import type { BundleResult } from "../api/schema/reach";

export type { BundleResult, LineTest, Reach } from "../api/schema/reach";
export { getReach, testLine } from "../api/reach";

export async function setAddresses(node: string, addresses: string[]): Promise<void> {
  keepSite(await withSudo(() => calls.setAddresses(node, addresses)));
}

/** Makes a file that only that site can open, and hands it to the browser. */
export async function makeBundle(site: string, everything: boolean): Promise<{ name: string; bytes: number }> {
  const { bytes, name } = await withSudo(() => calls.makeBundle(site, everything));
  saveFile(bytes, name);
  return { name, bytes: bytes.size };
}
export async function importBundle(file: Blob, progress: (sent: number) => void, cancelled: AbortSignal): Promise<BundleResult> {
  const result = await withSudo(() => calls.importBundle(file, progress, cancelled));
  void loadNetwork();
  return result;
}
