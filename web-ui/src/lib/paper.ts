/** The words of pages, which are fetched when one of their screens is opened. */

import { en } from "../locales/en/pages";
import { fr, type PageMessages } from "../locales/fr/pages";
import { lang } from "./i18n.svelte";

const books = { fr, en };

export function paper(): PageMessages {
  return books[lang()];
}
