/** What is typed after `@` (a person) or `/` (a kind of line) is a question; the answers are a list beside the text. */

import type { EditorState } from "prosemirror-state";

export interface Question {
  sign: "@" | "/";
  query: string;
  /** What an answer takes the place of. */
  from: number;
  to: number;
}

/** Longer than any name is no question any more. */
const QUERY_MAX = 30;
const PATTERN = /(?:^|[\s(])([@/])((?:[\p{L}\p{N}'’.-]+ ?){0,3})$/u;

/** The question at the cursor, if there is one. */
export function question(state: EditorState): Question | null {
  const { $from, empty } = state.selection;
  const { parent } = $from;
  if (!empty || !parent.isTextblock || parent.type.spec.code === true) return null;
  const before = parent.textBetween(Math.max(0, $from.parentOffset - QUERY_MAX), $from.parentOffset, undefined, "\uFFFC");
  const match = PATTERN.exec(before);
  const [sign, query] = [match?.[1], match?.[2] ?? ""];
  if (sign !== "@" && sign !== "/") return null;
  // A slash asks only where a line begins or after a space: dates and addresses are left alone.
  if (sign === "/" && / /.test(query)) return null;
  if ($from.marks().some((mark) => mark.type.name === "mention" || mark.type.name === "code")) return null;
  return { sign, query: query.trim(), from: $from.pos - query.length - 1, to: $from.pos };
}
