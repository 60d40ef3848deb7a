/** Signs that become form while one types: `# `, `- `, `1. `, `[ ] `, `> `, three back-quotes, `---`, `**bold**` and their like. */

import { InputRule, inputRules } from "prosemirror-inputrules";
import type { Attrs, NodeType } from "prosemirror-model";
import { TextSelection, type EditorState, type Plugin, type Transaction } from "prosemirror-state";
import { schema } from "./schema";

const { paragraph, heading, list_item, quote, code_block, divider } = schema.nodes;

/** Only plain text and lists turn: `# ` in a heading or in code is what it says. */
function line(pattern: RegExp, type: NodeType, attrs: (match: RegExpMatchArray) => Attrs): InputRule {
  return new InputRule(pattern, (state, match, start, end) => {
    const { parent } = state.doc.resolve(start);
    if (parent.type !== paragraph && !(parent.type === list_item && type === list_item)) return null;
    return state.tr.delete(start, end).setBlockType(start, start, type, { ...attrs(match), parents: parent.attrs["parents"] as string[] });
  });
}

function mark(pattern: RegExp, name: "strong" | "em" | "strike" | "code"): InputRule {
  return new InputRule(pattern, (state, match, start, end) => {
    const [whole, before = "", text = ""] = match;
    if (text === "" || text.trim() !== text) return null;
    const type = schema.marks[name];
    // What stands in code is not form.
    if (state.doc.rangeHasMark(start, end, schema.marks.code) || state.doc.resolve(start).parent.type === code_block) return null;
    const from = start + before.length;
    const signs = (whole.length - before.length - text.length) / 2;
    const { tr } = state;
    // The last sign has not been written yet.
    tr.delete(from + signs + text.length, end);
    tr.delete(from, from + signs);
    tr.addMark(from, from + text.length, type.create());
    return tr.removeStoredMark(type);
  });
}

function dividerRule(state: EditorState, _: RegExpMatchArray, start: number): Transaction | null {
  const $start = state.doc.resolve(start);
  if ($start.parent.type !== paragraph || $start.depth !== 1) return null;
  const tr = state.tr.replaceWith($start.before(), $start.after(), [divider.create(), paragraph.create()]);
  return tr.setSelection(TextSelection.create(tr.doc, $start.before() + 2));
}

export const RULES: InputRule[] = [
  line(/^(#{1,3})\s$/, heading, (match) => ({ level: match[1]?.length ?? 1 })),
  line(/^[-*+]\s$/, list_item, () => ({ kind: "bullet" })),
  line(/^\d{1,3}[.)]\s$/, list_item, () => ({ kind: "ordered" })),
  line(/^\[( |x|X)?\]\s$/, list_item, (match) => ({ kind: "todo", checked: (match[1] ?? " ").trim() !== "" })),
  line(/^>\s$/, quote, () => ({})),
  line(/^```$/, code_block, () => ({})),
  new InputRule(/^(?:---|—-|___|\*\*\*)$/, dividerRule),
  mark(/(^|[^*])\*\*([^*]+)\*\*$/, "strong"),
  mark(/(^|[^\w_])__([^_]+)__$/, "strong"),
  mark(/(^|[^*\w])\*([^*\s][^*]*)\*$/, "em"),
  mark(/(^|[^\w_])_([^_\s][^_]*)_$/, "em"),
  mark(/(^|[^~])~~([^~]+)~~$/, "strike"),
  mark(/(^|[^`])`([^`]+)`$/, "code"),
];

export function rules(): Plugin {
  return inputRules({ rules: RULES });
}
