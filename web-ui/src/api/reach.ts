/** Calls about reaching other sites, by line or by file. */

import { call, load, send } from "./client";
import { site_view } from "./schema/network";
import { bundle_result, line_test, reach } from "./schema/reach";

export const getReach = () => call("GET", "/network/reach", reach);
/** Each step waits for its own limit before the next one. */
const TEST_MS = 120_000;
export const testLine = (node: string) => call("POST", `/network/nodes/${node}/test`, line_test, undefined, {}, TEST_MS);
export const setAddresses = (node: string, addresses: string[]) => call("PUT", `/network/nodes/${node}/addresses`, site_view, { addresses });

export const makeBundle = (site: string, everything: boolean) => load("POST", "/network/bundles", { site, everything });
export const importBundle = (file: Blob, progress: (sent: number) => void, cancelled: AbortSignal) =>
  send("/network/bundles/import", file, bundle_result, progress, cancelled);
