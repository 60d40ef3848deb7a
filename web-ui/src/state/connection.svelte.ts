/** Whether the browser reaches its site, and since when not. */

import { openLive, type Notice } from "../api/live";
import { getStatus } from "../api/setup";

const line = $state<{ cut: boolean; since: string | null }>({ cut: false, since: null });
let lastContact = new Date().toISOString();
let stream: ReturnType<typeof openLive> | undefined;
const onBack: (() => void)[] = [];
let probe: ReturnType<typeof setTimeout> | undefined;

/** While cut off, how often the node is asked whether it is back. */
const PROBE_MS = 5000;

/** The browser does not reach its site. */
export function isCut(): boolean {
  return line.cut;
}

/** The last time it did, while it does not. */
export function cutSince(): string | null {
  return line.since;
}

/** Told by every request whether the node answered. */
export function contacted(reached: boolean): void {
  if (reached) {
    lastContact = new Date().toISOString();
    if (!line.cut) return;
    line.cut = false;
    line.since = null;
    clearTimeout(probe);
    stream?.nudge();
    for (const run of onBack) run();
  } else {
    if (!line.cut) {
      line.cut = true;
      line.since = lastContact;
    }
    clearTimeout(probe);
    probe = setTimeout(ask, PROBE_MS);
  }
}

function ask(): void {
  // The answer, or its absence, reaches `contacted` by itself.
  getStatus().catch(() => {});
}

/** Runs when the site is back. */
export function whenBack(run: () => void): void {
  onBack.push(run);
}

export function startLive(notice: (notice: Notice) => void, reset: () => void): void {
  stream?.close();
  stream = openLive({
    notice,
    reset,
    state(open) {
      if (open) contacted(true);
      else ask();
    },
  });
}

export function stopLive(): void {
  stream?.close();
  stream = undefined;
}

addEventListener("online", ask);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible" && line.cut) ask();
});
