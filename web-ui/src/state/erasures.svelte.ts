/** A bell that rings when an erasure was asked for, objected to, or carried out somewhere. */

const bell = $state({ version: 0 });

/** Grows each time; read it in an effect to load again. */
export function erasuresVersion(): number {
  return bell.version;
}
export function erasuresChanged(): void {
  bell.version += 1;
}
