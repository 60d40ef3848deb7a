/** The groups that one is in, and those one could join. */

import * as calls from "../api/groups";
import { groups as groups_shape, type Group } from "../api/schema/group";
import { get, put } from "../lib/db";
import { locale } from "../lib/i18n.svelte";
import { byName } from "../lib/text";

export { GUESTS, POSTERS, type Group, type Member, type Policy } from "../api/schema/group";
export { ACCESSES, KINDS, ROLES } from "../api/schema/ref";
export type { Access, GroupKind, GroupRef, Role, PersonRef, SiteRef } from "../api/schema/ref";
export { getMembers, addMembers, setRole, removeMember } from "../api/groups";

const CACHED = "groups";
const all = $state<{ mine: Group[]; others: Group[]; loaded: boolean; error: unknown }>({
  mine: [],
  others: [],
  loaded: false,
  error: null,
});

const sorted = $derived.by(() => {
  const order = byName(locale());
  return { mine: [...all.mine].sort(order), others: [...all.others].sort(order) };
});

export function myGroups(): Group[] {
  return sorted.mine;
}
export function otherGroups(): Group[] {
  return sorted.others;
}
export function groupsLoaded(): boolean {
  return all.loaded;
}
export function groupsError(): unknown {
  return all.error;
}
export function findGroup(id: string): Group | undefined {
  return all.mine.find((group) => group.id === id) ?? all.others.find((group) => group.id === id);
}

export async function loadGroups(): Promise<void> {
  try {
    const fresh = await calls.getGroups();
    all.mine = fresh.mine;
    all.others = fresh.others;
    all.loaded = true;
    all.error = null;
    void put("cache", CACHED, fresh);
  } catch (error) {
    all.error = error;
    if (!all.loaded) await fromCupboard();
  }
}

async function fromCupboard(): Promise<void> {
  try {
    const kept = groups_shape(await get("cache", CACHED), "kept groups");
    all.mine = kept.mine;
    all.others = kept.others;
    all.loaded = true;
  } catch {
    // Nothing kept, or by an older version: the error already says that the site is not reached.
  }
}

/** Takes up one group as the node now describes it. */
export function keepGroup(group: Group): Group {
  all.mine = all.mine.filter((one) => one.id !== group.id);
  all.others = all.others.filter((one) => one.id !== group.id);
  if (group.role !== null) all.mine.push(group);
  else if (group.access !== "secret") all.others.push(group);
  return group;
}

/** Reads one group again; what is not in any list (a link to it) is fetched too. */
export async function loadGroup(id: string): Promise<Group> {
  return keepGroup(await calls.getGroup(id));
}

export async function createGroup(body: Parameters<typeof calls.createGroup>[0]): Promise<Group> {
  return keepGroup(await calls.createGroup(body));
}
export async function patchGroup(id: string, body: Parameters<typeof calls.patchGroup>[1]): Promise<Group> {
  return keepGroup(await calls.patchGroup(id, body));
}
export async function joinGroup(id: string): Promise<Group> {
  return keepGroup(await calls.joinGroup(id));
}
export async function leaveGroup(id: string): Promise<Group> {
  return keepGroup(await calls.leaveGroup(id));
}

/** The node stops counting here. */
const UNREAD_MAX = 100;

/** How many are unread, as it fits beside a name. */
export function unreadWords(count: number): string {
  return count >= UNREAD_MAX ? "99+" : String(count);
}

export function setUnread(id: string, unread: number): void {
  const group = all.mine.find((one) => one.id === id);
  if (group) group.unread = unread;
}

/** Marks a group read, if there is anything unread; a refusal changes nothing worth saying. */
export function markRead(id: string): void {
  const group = all.mine.find((one) => one.id === id);
  if (!group || group.unread === 0) return;
  group.unread = 0;
  calls.markRead(id).catch(() => {});
}
