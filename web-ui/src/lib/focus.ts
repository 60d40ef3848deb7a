/** Keeping the keyboard where it belongs. */

import type { Attachment } from "svelte/attachments";

/** Puts the focus on an element when it appears. */
export const focused: Attachment<HTMLElement> = (element) => {
  element.focus({ preventScroll: true });
};

/** Grows a text area with its text, up to its own maximum height. */
export function grows(read: () => string): Attachment<HTMLTextAreaElement> {
  return (element) => {
    read();
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  };
}

/** Whether a key press is meant for a field rather than for a shortcut. */
export function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
