/** The present, as a reactive value that moves often enough for what is shown. */

const COARSE_MS = 20_000;

const coarse = $state({ now: Date.now() });
setInterval(() => (coarse.now = Date.now()), COARSE_MS);

/** The time now, refreshed every 20 seconds. */
export function now(): number {
  return coarse.now;
}

/** Calls back every second until the returned function is called. */
export function everySecond(tick: (now: number) => void): () => void {
  tick(Date.now());
  const timer = setInterval(() => tick(Date.now()), 1000);
  return () => clearInterval(timer);
}
