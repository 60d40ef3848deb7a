/** The words of the search screen, which are fetched when it is opened. */

import { en } from "../locales/en/search";
import { fr, type SearchMessages } from "../locales/fr/search";
import { lang } from "./i18n.svelte";

const books = { fr, en };

export function finding(): SearchMessages {
  return books[lang()];
}
