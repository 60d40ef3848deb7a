// Waiting for what comes from elsewhere. Ends with the event; the limit only ends a test that has failed.
export const CROSS_MS = 60_000;

/** Asks until the answer is neither null, undefined nor false. */
export async function within(ms, what, ask) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`not within ${ms} ms: ${what}`, { cause: last });
}
