/** Changes to pages that an earlier visit left in this browser leave by themselves, whichever screen is shown. */

import { countWaiting, waitingPages } from "../../state/unsent.svelte";

let running = false;

/** Looks for what waits and sends it; the engine is fetched only when something does. */
export async function leaveByThemselves(): Promise<void> {
  if (running) return;
  running = true;
  try {
    await countWaiting();
    const waiting = [...waitingPages()];
    if (waiting.length === 0) return;
    const { sendLeft } = await import("./desk.svelte");
    for (const { id, title } of waiting) await sendLeft(id, title);
    await countWaiting();
  } catch (error) {
    console.warn("what was written in pages still waits", error);
  } finally {
    running = false;
  }
}
