/** Plural forms by the rules of each language. */

type Forms = { one: string; other: string };

/** Chooses the form and puts the number, written as the language does, in place of `#`. */
export function pluralOf(lang: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(lang);
  const digits = new Intl.NumberFormat(lang);
  return (count, forms) => (rules.select(count) === "one" ? forms.one : forms.other).replace("#", digits.format(count));
}
