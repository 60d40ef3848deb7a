/** Coast lines: a closed wobbling ring, always the same for the same seed. Pure. */

const POINTS = 48;

/** An SVG path around (x, y) with a mean radius. */
export function islet(x: number, y: number, radius: number, seed: number): string {
  const points: string[] = [];
  for (let i = 0; i < POINTS; i++) {
    const angle = (i / POINTS) * 2 * Math.PI;
    const r =
      radius *
      (1 + 0.1 * Math.sin(2 * angle + seed * 1.7) + 0.055 * Math.sin(3 * angle + seed * 2.9) + 0.025 * Math.sin(5 * angle + seed));
    points.push(`${(x + r * Math.cos(angle)).toFixed(1)} ${(y + r * Math.sin(angle)).toFixed(1)}`);
  }
  return `M${points.join("L")}Z`;
}
