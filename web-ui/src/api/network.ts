/** Calls about the network of sites and this site's settings. */

import { call } from "./client";
import { list, nothing, nullable } from "./schema/decode";
import { network, pairing } from "./schema/network";
import { admin_site, recovery } from "./schema/person";

export const getNetwork = () => call("GET", "/network", network);
export const getPairings = () => call("GET", "/pairing", list(pairing));
export const createPairing = (minutes?: number) =>
  call("POST", "/pairing", pairing, minutes === undefined ? {} : { minutes });
export const getPairing = (id: string) => call("GET", `/pairing/${id}`, pairing);
export const cancelPairing = (id: string) => call("DELETE", `/pairing/${id}`, nullable(pairing));
export const confirmPairing = (id: string, match: boolean) => call("POST", `/pairing/${id}/confirm`, pairing, { match });
export const getRecovery = () => call("GET", "/admin/recovery", recovery);
export const confirmRecovery = (keys: string[]) => call("POST", "/admin/recovery/confirm", nothing, { keys });
export const getAdminSite = () => call("GET", "/admin/site", admin_site);
export const patchAdminSite = (body: { name?: string; company?: string; feed_origins?: string[] }) =>
  call("PATCH", "/admin/site", admin_site, body);
