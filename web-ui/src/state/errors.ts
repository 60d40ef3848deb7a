/** Turning what went wrong into words for people. */

import { Refused, Unreachable } from "../api/client";
import { t } from "../lib/i18n.svelte";

/** One sentence that says what happened and, where it helps, what to do. */
export function explain(error: unknown): string {
  if (error instanceof Unreachable) return t().errors.unreachable;
  if (error instanceof Refused) {
    const seconds = retrySeconds(error);
    if (error.code === "throttled" && seconds !== null) return t().errors.throttledFor(seconds);
    return explainCode(error.code) ?? error.message;
  }
  console.error(error);
  return t().errors.unexpected;
}

/** The words for a stable code; nothing when the interface does not know it. */
export function explainCode(code: string): string | undefined {
  const words: Record<string, string> = t().errors.codes;
  return words[code];
}

export function codeOf(error: unknown): string | null {
  return error instanceof Refused ? error.code : null;
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof Unreachable;
}

/** A detail that came with a refusal, when there is one. */
export function detailOf(error: unknown, name: string): string | null {
  const value = error instanceof Refused ? error.details[name] : null;
  return typeof value === "string" ? value : null;
}

/** How long the node asks to wait, when it says. */
export function retrySeconds(error: unknown): number | null {
  const value = error instanceof Refused ? error.details["retry_seconds"] : null;
  return typeof value === "number" ? value : null;
}
