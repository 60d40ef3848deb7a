/** Who belongs and who decides. Grave acts ask for the password first. */

import * as calls from "../api/authority";
import type { Constitution } from "../api/schema/constitution";
import type { Removal } from "../api/schema/removal";
import { requestId } from "../lib/ids";
import { keepGroup, type Group } from "./groups.svelte";
import { keepSite, loadNetwork } from "./network.svelte";
import type { Person } from "../api/schema/person";
import { withSudo } from "./sudo.svelte";

export type { Constitution, Proposal } from "../api/schema/constitution";
export type { Removal } from "../api/schema/removal";
export { getConstitution, getGroupRemovals, getNetworkRemovals, getPersonRemovals } from "../api/authority";

/** The organisation's administrator names an owner, in sight of all members. */
export async function appointOwner(group: string, person: string): Promise<Group> {
  const request = requestId();
  return keepGroup(await withSudo(() => calls.appointOwner(group, request, person)));
}
/** What the removed wrote before counts again. */
export function keepWritten(group: string, removal: string): Promise<Removal> {
  return calls.keepWritten(group, removal, requestId());
}

export async function suspendNode(node: string): Promise<void> {
  const request = requestId();
  keepSite(await withSudo(() => calls.suspendNode(node, request)));
}
export async function resumeNode(node: string): Promise<void> {
  const request = requestId();
  keepSite(await withSudo(() => calls.resumeNode(node, request)));
}
export async function removeNode(node: string, reason: string): Promise<Removal> {
  const request = requestId();
  const removal = await withSudo(() => calls.removeNode(node, request, reason));
  await loadNetwork();
  return removal;
}
export function rehome(person: string, site: string): Promise<Person> {
  const request = requestId();
  return withSudo(() => calls.rehome(person, request, site));
}

export function proposeAdmins(admins: string[], threshold: number, password: string): Promise<Constitution> {
  const request_id = requestId();
  return withSudo(() => calls.proposeAdmins({ request_id, admins, threshold, password }));
}
export function signProposal(id: string, password: string): Promise<Constitution> {
  const request = requestId();
  return withSudo(() => calls.signProposal(id, request, password));
}

/** Makes the person the organisation's one administrator. */
export function useRecovery(keys: string[]): Promise<Constitution> {
  const request = requestId();
  return withSudo(() => calls.useRecovery(request, keys));
}
