/** What screens may ask of a page's text, and what they are told. */

export interface Found {
  id: string;
  name: string;
  side: string;
}
/** A passage, as anchors that stay with it. */
export interface Chosen {
  start: string;
  end: string;
  quote: string;
}
export interface Handle {
  around(run: () => void): void;
  goTo(pos: number): void;
  chosen(): Chosen | null;
  focus(): void;
}
