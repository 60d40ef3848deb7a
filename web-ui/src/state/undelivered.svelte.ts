/** What one wrote and the rules did not let count: the list, and how long it is. */

import { getUndelivered, forget as drop, resend as again } from "../api/undelivered";
import type { Undelivered } from "../api/schema/undelivered";
import { requestId } from "../lib/ids";
import { meOrNull, reloadMe } from "./session.svelte";

export type { Undelivered } from "../api/schema/undelivered";

const board = $state<{ items: Undelivered[] | null; error: unknown }>({ items: null, error: null });
let shown = 0;

export function undelivered(): Undelivered[] | null {
  return board.items;
}
export function undeliveredError(): unknown {
  return board.error;
}
/** How many there are, for a badge. */
export function undeliveredCount(): number {
  return meOrNull()?.not_delivered ?? 0;
}

export async function loadUndelivered(): Promise<void> {
  try {
    board.items = (await getUndelivered()).items;
    board.error = null;
  } catch (error) {
    board.error = error;
  }
}

/** Keeps the list fresh while it is on the screen. */
export function showUndelivered(): () => void {
  shown += 1;
  void loadUndelivered();
  return () => (shown -= 1);
}

export function undeliveredChanged(): void {
  if (meOrNull() === null) return;
  reloadMe().catch(() => {});
  if (shown > 0) void loadUndelivered();
}

async function leave(id: string, run: () => Promise<unknown>): Promise<void> {
  await run();
  board.items = board.items?.filter((one) => one.id !== id) ?? null;
  await reloadMe();
}

/** One request id for each item: a second press after a broken line writes nothing twice. */
const requests = new Map<string, string>();

/** Writes it again, as new. */
export async function resend(id: string): Promise<void> {
  const request = requests.get(id) ?? requestId();
  requests.set(id, request);
  await leave(id, () => again(id, request));
}

/** Takes it off the list, at this site. */
export function forget(id: string): Promise<void> {
  return leave(id, () => drop(id));
}
