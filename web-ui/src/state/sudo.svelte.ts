/** Asking for the password again before a grave act, then doing the act. */

import { codeOf } from "./errors";

const asking = $state<{ open: boolean }>({ open: false });
let answer: ((entered: boolean) => void) | undefined;

/** The person closed the question: nothing was done. */
export class Cancelled extends Error {
  override name = "Cancelled";
}

export function sudoAsked(): boolean {
  return asking.open;
}

export function answerSudo(entered: boolean): void {
  asking.open = false;
  answer?.(entered);
  answer = undefined;
}

/** Runs a call; if the node wants the password first, asks for it and runs the call again. */
export async function withSudo<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (codeOf(error) !== "sudo_required") throw error;
  }
  const entered = await new Promise<boolean>((resolve) => {
    answer = resolve;
    asking.open = true;
  });
  if (!entered) throw new Cancelled();
  return run();
}
