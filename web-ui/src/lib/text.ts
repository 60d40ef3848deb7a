/** Words: comparing, folding, shortening. Pure. */

/** Lower case without accents, for filters that forgive both. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/œ/gi, "oe")
    .replace(/æ/gi, "ae")
    .toLowerCase();
}

/** Whether every word of the query begins a word of the text, or is found inside it. */
export function matches(query: string, ...texts: string[]): boolean {
  const hay = fold(texts.join(" "));
  return fold(query)
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

/** Natural order: accents and case aside, numbers by value. */
export function byName(lang: string): (a: { name: string }, b: { name: string }) => number {
  const collator = new Intl.Collator(lang, { numeric: true, sensitivity: "base", ignorePunctuation: true });
  return (a, b) => collator.compare(a.name, b.name);
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.split(/[\s·.\-–—]+/u).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const first = words[0]?.charAt(0) ?? "";
  const last = words.length > 1 ? (words[words.length - 1]?.charAt(0) ?? "") : "";
  return (first + last).toUpperCase() || "?";
}

/** A stable number below `count` for an id: the same person always has the same colour. */
export function hue(id: string, count: number): number {
  let hash = 7;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % count;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** A size as people read it: "2,4 Mo". */
export function size(bytes: number, lang: string): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(lang, {
    style: "unit",
    unit: UNITS[unit] ?? "byte",
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && unit > 1 ? 1 : 0,
  }).format(value);
}

/** "pdf" for "Relevés.PDF"; empty when there is none. */
export function extension(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1).toLowerCase() : "";
}

/** The text of an invitation, out of a pasted link (`…/join#text`, `…/#/join/text`) or the bare text. */
export function invitationText(pasted: string): string {
  const trimmed = pasted.trim();
  const found = /\/join(?:#|\/)(.+)$/s.exec(trimmed);
  let text = found?.[1] ?? trimmed;
  if (text.includes("%")) {
    try {
      text = decodeURIComponent(text);
    } catch {
      // Not percent-encoded after all: the node will say what is wrong with it.
    }
  }
  return text.trim();
}
