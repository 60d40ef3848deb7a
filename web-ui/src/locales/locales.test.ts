import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { en } from "./en";
import { en as careEn } from "./en/care";
import { en as pagesEn } from "./en/pages";
import { en as searchEn } from "./en/search";
import { fr } from "./fr";
import { fr as careFr } from "./fr/care";
import { fr as pagesFr } from "./fr/pages";
import { fr as searchFr } from "./fr/search";

/** Every path of a book of messages, with the kind of thing found there. */
function paths(book: object, at = ""): string[] {
  return Object.entries(book).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "object" && value !== null ? paths(value, `${at}.${key}`) : [`${at}.${key}: ${typeof value}`],
  );
}

test("both languages say the same things", () => {
  expect(paths(en)).toEqual(paths(fr));
  expect(paths(careEn)).toEqual(paths(careFr));
  expect(paths(pagesEn)).toEqual(paths(pagesFr));
  expect(paths(searchEn)).toEqual(paths(searchFr));
});

test("no message is empty", () => {
  for (const book of [fr, en, pagesFr, pagesEn, searchFr, searchEn]) expect(JSON.stringify(book)).not.toContain('""');
});

test("plurals follow each language", () => {
  expect(fr.feed.fresh(0)).toBe("0 nouvelle publication");
  expect(fr.feed.fresh(3)).toBe("3 nouvelles publications");
  expect(en.feed.fresh(0)).toBe("0 new posts");
  expect(en.feed.fresh(1)).toBe("1 new post");
});

test("the three words about delivery are the agreed ones", () => {
  expect([fr.delivery.kept, fr.delivery.by(6, 7), fr.delivery.all]).toEqual(["Gardé ici", "Reçu par 6 sites sur 7", "Reçu par tous les sites"]);
});

test("how long a password is, screens and guides say as the node holds it", () => {
  const rules = readFileSync("../node/src/local/password.rs", "utf8");
  const number = (name: string): string => new RegExp(`${name}: usize = (\\d+);`).exec(rules)?.[1] ?? "";
  const [least, most] = [number("PASSWORD_CHARS_MIN"), number("PASSWORD_CHARS_MAX")];
  expect(most).toBe("128");
  for (const book of [fr, en]) {
    expect(book.setup.passwordHint).toContain(`${least} `);
    expect(book.errors.codes.password_too_short).toMatch(new RegExp(`${least} .*${most}`));
  }
});

test("screens say 'removed', never the words of the protocol", () => {
  const said = (value: unknown): string[] => (typeof value === "string" ? [value] : typeof value === "function" ? [String(value)] : Object.values(value as object).flatMap(said));
  for (const book of [careFr, careEn, pagesFr, pagesEn, searchFr, searchEn, fr, en]) {
    expect(said(book).filter((text) => /revoke|révoqu|equivoc|équivoc|fork|quorum|constitution|frontier|blob/i.test(text))).toEqual([]);
  }
});

test("every code of the contract that a person may cause has words in both languages", () => {
  const contract = readFileSync(new URL("../../../docs/http-api.md", import.meta.url), "utf8");
  const codes = /Codes in use: ([\s\S]*?)\n- /.exec(contract)?.[1]?.match(/(?<=`)[a-z_]+(?=`)/g) ?? [];
  expect(codes.length).toBeGreaterThan(60);
  // Only a program that speaks with the node wrongly sees this one.
  const words = codes.filter((code) => code !== "method_not_allowed");
  for (const book of [fr, en]) expect(words.filter((code) => !(code in book.errors.codes))).toEqual([]);
});
