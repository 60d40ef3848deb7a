/** Calls about who belongs and who decides: removals, suspensions, the constitution. */

import { call } from "./client";
import { constitution } from "./schema/constitution";
import { list } from "./schema/decode";
import { group } from "./schema/group";
import { site_view } from "./schema/network";
import { person } from "./schema/person";
import { removal } from "./schema/removal";

export const getGroupRemovals = (group_id: string) => call("GET", `/groups/${group_id}/removals`, list(removal));
export const getPersonRemovals = (id: string) => call("GET", `/people/${id}/removals`, list(removal));
export const getNetworkRemovals = () => call("GET", "/network/removals", list(removal));
export const keepWritten = (group_id: string, id: string, request_id: string) =>
  call("POST", `/groups/${group_id}/removals/${id}/cut`, removal, { request_id, keep: "all" });

export const appointOwner = (group_id: string, request_id: string, who: string) =>
  call("POST", `/groups/${group_id}/appoint`, group, { request_id, person: who });
export const suspendNode = (node: string, request_id: string) => call("POST", `/network/nodes/${node}/suspend`, site_view, { request_id });
export const resumeNode = (node: string, request_id: string) => call("POST", `/network/nodes/${node}/resume`, site_view, { request_id });
export const removeNode = (node: string, request_id: string, reason: string) =>
  call("POST", `/network/nodes/${node}/revoke`, removal, { request_id, reason });
export const rehome = (who: string, request_id: string, site: string) => call("POST", `/people/${who}/rehome`, person, { request_id, site });

export const getConstitution = () => call("GET", "/admin/constitution", constitution);
export const proposeAdmins = (body: { request_id: string; admins: string[]; threshold: number; password: string }) =>
  call("POST", "/admin/constitution/proposals", constitution, body);
export const useRecovery = (request_id: string, keys: string[]) =>
  call("POST", "/admin/recovery/use", constitution, { request_id, keys });
export const signProposal = (id: string, request_id: string, password: string) =>
  call("POST", `/admin/constitution/proposals/${id}/sign`, constitution, { request_id, password });
