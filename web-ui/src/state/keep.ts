/** What is kept, for how long, and what is erased for good. */

import * as calls from "../api/keep";
import { saveFile } from "../lib/save";
import { requestId } from "../lib/ids";
import { keepGroup, type Group } from "./groups.svelte";
import { refreshPost } from "./posts.svelte";
import { withSudo } from "./sudo.svelte";
import { threadMoved } from "./thread.svelte";
import { dropPage } from "./pages.svelte";
import type { Erasure, Storage } from "../api/schema/keep";

export type { AuditLine, Erasure, KeptGroup, Storage } from "../api/schema/keep";
export { getAudit, getErasures } from "../api/keep";

export function getStorage(): Promise<Storage> {
  return withSudo(calls.getStorage);
}
/** Reads everything kept through again, now. */
export function checkStorage(): Promise<Storage> {
  return withSudo(calls.checkStorage);
}
/** For how many days back this site keeps, as a rule or for one group; nothing means everything. */
export function keepFor(days: number | null, group?: string): Promise<Storage> {
  return withSudo(() => calls.patchStorage({ keep_days: days, ...(group === undefined ? {} : { group }) }));
}

export async function setRetention(group: string, days: number | null): Promise<Group> {
  return keepGroup(await calls.setRetention(group, requestId(), days));
}
export async function setHold(group: string, on: boolean, reason: string): Promise<Group> {
  const request = requestId();
  return keepGroup(await withSudo(() => calls.setHold(group, request, on, reason)));
}

export async function erasePost(id: string, reason: string): Promise<Erasure> {
  const erasure = await calls.erasePost(id, requestId(), reason);
  await refreshPost(id);
  return erasure;
}
export async function eraseComment(id: string, post: string, reason: string): Promise<Erasure> {
  const erasure = await calls.eraseComment(id, requestId(), reason);
  threadMoved(post);
  void refreshPost(post);
  return erasure;
}
export async function erasePage(id: string, reason: string): Promise<Erasure> {
  const erasure = await calls.erasePage(id, requestId(), reason);
  await dropPage(id);
  return erasure;
}
/** The page is told by the live stream, as when somebody else does it. */
export const erasePageComment = (id: string, reason: string): Promise<Erasure> => calls.erasePageComment(id, requestId(), reason);
export function erasePerson(id: string, reason: string, content: boolean): Promise<Erasure> {
  const request = requestId();
  return withSudo(() => calls.erasePerson(id, request, reason, content));
}
export function objectErasure(id: string): Promise<Erasure> {
  return withSudo(() => calls.objectErasure(id));
}
/** Everything about one person, as a file. */
export async function exportPerson(id: string): Promise<void> {
  const { bytes, name } = await withSudo(() => calls.exportPerson(id));
  saveFile(bytes, name);
}
