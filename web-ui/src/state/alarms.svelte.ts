/** What an administrator should look at: the list, and how long it is. */

import * as calls from "../api/alarms";
import type { Alarm } from "../api/schema/alarm";
import { requestId } from "../lib/ids";
import { meOrNull, reloadMe } from "./session.svelte";
import { withSudo } from "./sudo.svelte";

export type { Alarm, AlarmAct } from "../api/schema/alarm";

const board = $state<{ list: Alarm[] | null; error: unknown }>({ list: null, error: null });
let shown = 0;

export function alarms(): Alarm[] | null {
  return board.list;
}
export function alarmsError(): unknown {
  return board.error;
}
/** How many there are, for a badge. */
export function alarmCount(): number {
  return meOrNull()?.alarms ?? 0;
}

export async function loadAlarms(): Promise<void> {
  try {
    board.list = await calls.getAlarms();
    board.error = null;
  } catch (error) {
    board.error = error;
  }
}

/** Keeps the list fresh while it is on the screen. */
export function showAlarms(): () => void {
  shown += 1;
  void loadAlarms();
  return () => (shown -= 1);
}

export function alarmsChanged(): void {
  const can = meOrNull()?.can;
  if (!can?.administer_site && !can?.administer_organisation) return;
  reloadMe().catch(() => {});
  if (shown > 0) void loadAlarms();
}

async function take(run: () => Promise<Alarm[]>): Promise<void> {
  board.list = await run();
  await reloadMe();
}

export function sealLog(id: string): Promise<void> {
  const request = requestId();
  return take(() => withSudo(() => calls.sealLog(id, request)));
}
export function dismissAlarm(id: string): Promise<void> {
  return take(() => calls.dismissAlarm(id));
}
