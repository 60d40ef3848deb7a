/** The language of the interface. To add one: a file in `locales/` and a line here. */

import { en } from "../locales/en";
import { fr, type Messages } from "../locales/fr";

export type Lang = "fr" | "en";
export const LANGUAGES: readonly { id: Lang; name: string }[] = [
  { id: "fr", name: "Français" },
  { id: "en", name: "English" },
];
const KEY = "archipel.language";
const books: Record<Lang, Messages> = { fr, en };

function initial(): Lang {
  const kept = localStorage.getItem(KEY);
  if (kept === "fr" || kept === "en") return kept;
  return navigator.languages.some((l) => l.startsWith("fr")) || !navigator.languages.some((l) => l.startsWith("en"))
    ? "fr"
    : "en";
}

const current = $state<{ lang: Lang }>({ lang: initial() });
document.documentElement.lang = current.lang;

/** The messages of the language in use. */
export function t(): Messages {
  return books[current.lang];
}

export function lang(): Lang {
  return current.lang;
}

/** The same as a tag for dates and numbers: European habits, hours up to 24. */
export function locale(): string {
  return current.lang === "en" ? "en-GB" : "fr-FR";
}

export function setLang(next: Lang): void {
  current.lang = next;
  document.documentElement.lang = next;
  localStorage.setItem(KEY, next);
}

/** A number in the language in use. */
export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}
