/** Unfinished texts, one per person and place, kept in this browser. */

import { me } from "./session.svelte";

export interface KeptDraft {
  title: string;
  text: string;
}
const key = (place: string) => `archipel.draft.${me().person.id}.${place}`;

export function readDraft(place: string): KeptDraft {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key(place)) ?? "{}");
    if (typeof value === "object" && value !== null && "title" in value && "text" in value) {
      return { title: String(value.title), text: String(value.text) };
    }
  } catch {
    // A broken draft is no draft.
  }
  return { title: "", text: "" };
}

export function keepDraft(place: string, draft: KeptDraft): void {
  try {
    if (draft.title === "" && draft.text === "") localStorage.removeItem(key(place));
    else localStorage.setItem(key(place), JSON.stringify(draft));
  } catch {
    // The browser's storage is full: the text is still on the screen.
  }
}
