/** Checking what comes from the node: a value of the promised shape, or an error that names the place. */

export type Decoder<T> = (value: unknown, at: string) => T;
export type Decoded<D> = D extends Decoder<infer T> ? T : never;

/** The node answered something else than the contract says. */
export class ShapeError extends Error {
  override name = "ShapeError";
}

function wrong(expected: string, at: string): never {
  throw new ShapeError(`${at}: expected ${expected}`);
}

export const text: Decoder<string> = (value, at) => (typeof value === "string" ? value : wrong("text", at));
export const count: Decoder<number> = (value, at) =>
  typeof value === "number" && Number.isFinite(value) ? value : wrong("a number", at);
export const flag: Decoder<boolean> = (value, at) => (typeof value === "boolean" ? value : wrong("a boolean", at));
export const nothing: Decoder<null> = () => null;
export const anything: Decoder<unknown> = (value) => value;

export function nullable<T>(inner: Decoder<T>): Decoder<T | null> {
  return (value, at) => (value === null || value === undefined ? null : inner(value, at));
}

export function list<T>(inner: Decoder<T>): Decoder<T[]> {
  return (value, at) =>
    Array.isArray(value) ? value.map((item, i) => inner(item, `${at}[${i}]`)) : wrong("a list", at);
}

export function oneOf<const T extends string>(...words: readonly T[]): Decoder<T> {
  return (value, at) => {
    const found = words.find((word) => word === value);
    return found ?? wrong(words.join(" | "), at);
  };
}

export function object<S extends Record<string, Decoder<unknown>>>(shape: S): Decoder<{ [K in keyof S]: Decoded<S[K]> }> {
  const fields = Object.entries(shape);
  return (value, at) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return wrong("an object", at);
    const record = value as Record<string, unknown>;
    const result: Record<string, unknown> = {};
    for (const [name, inner] of fields) result[name] = inner(record[name], `${at}.${name}`);
    return result as { [K in keyof S]: Decoded<S[K]> };
  };
}

/** A page of a longer list. */
export function page<T>(inner: Decoder<T>): Decoder<{ items: T[]; next: string | null }> {
  return object({ items: list(inner), next: nullable(text) });
}
export type Page<T> = { items: T[]; next: string | null };
