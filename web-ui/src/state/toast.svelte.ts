/** Short messages that pass: what was done, what could not be. */

export interface Toast {
  id: number;
  tone: "done" | "bad";
  text: string;
  action: { label: string; run: () => void } | null;
}

const SHOWN_MS = 6000;
export const toasts = $state<Toast[]>([]);
let last = 0;

export function toast(text: string, tone: Toast["tone"] = "done", action: Toast["action"] = null): void {
  last += 1;
  const id = last;
  toasts.push({ id, tone, text, action });
  setTimeout(() => dismiss(id), tone === "bad" ? SHOWN_MS * 1.5 : SHOWN_MS);
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((one) => one.id === id);
  if (at >= 0) toasts.splice(at, 1);
}
