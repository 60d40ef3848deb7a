/** The words of the screens for looking after the organisation, which are fetched when one of them is opened. */

import { en } from "../locales/en/care";
import { fr, type CareMessages } from "../locales/fr/care";
import { lang } from "./i18n.svelte";

const books = { fr, en };

export function care(): CareMessages {
  return books[lang()];
}
