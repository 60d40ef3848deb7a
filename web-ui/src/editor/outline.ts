/** The headings of a page, for its table of contents. */

import type { Node } from "prosemirror-model";

export interface Heading {
  level: number;
  text: string;
  /** Position of its line. */
  pos: number;
}

export function outline(doc: Node): Heading[] {
  const found: Heading[] = [];
  doc.forEach((node, pos) => {
    if (node.type.name !== "heading") return;
    const text = node.textContent.trim();
    if (text !== "") found.push({ level: Math.min(3, Number(node.attrs["level"])), text, pos });
  });
  return found;
}
