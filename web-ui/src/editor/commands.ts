/** What a person can do to the lines of a page, as ProseMirror commands. */

import { chainCommands, exitCode, newlineInCode, toggleMark } from "prosemirror-commands";
import type { Node } from "prosemirror-model";
import { Selection, TextSelection, type Command, type EditorState, type Transaction } from "prosemirror-state";
import { DEPTH_MAX, schema, type ListKind } from "./schema";
import { LIST_NAMES } from "./spans";

const { paragraph, heading, list_item, quote, code_block, divider } = schema.nodes;

/** The lines that the selection touches, with their positions. */
export function selected({ doc, selection }: EditorState): [Node, number][] {
  const found: [Node, number][] = [];
  doc.nodesBetween(selection.from, selection.to, (node, pos) => {
    if (node.isTextblock) found.push([node, pos]);
    return false;
  });
  return found;
}

/** The kinds of line that the toolbar offers. */
export type LineKind = "text" | "h1" | "h2" | "h3" | ListKind | "quote" | "code";

export function kindOf(node: Node): LineKind | null {
  switch (node.type) {
    case paragraph:
      return "text";
    case heading:
      return `h${Math.min(3, Math.max(1, Number(node.attrs["level"])))}` as LineKind;
    case list_item:
      return node.attrs["kind"] as ListKind;
    case quote:
      return "quote";
    case code_block:
      return "code";
    default:
      return null;
  }
}

/** The kind of all selected lines; nothing when they differ. */
export function lineKind(state: EditorState): LineKind | null {
  const kinds = new Set(selected(state).map(([node]) => kindOf(node)));
  return kinds.size === 1 ? ([...kinds][0] ?? null) : null;
}

const shape = (kind: LineKind): [typeof paragraph, Record<string, unknown>] => {
  switch (kind) {
    case "text":
      return [paragraph, {}];
    case "h1":
    case "h2":
    case "h3":
      return [heading, { level: Number(kind.slice(1)) }];
    case "quote":
      return [quote, {}];
    case "code":
      return [code_block, {}];
    default:
      return [list_item, { kind }];
  }
};

/** Makes the selected lines of one kind. */
export function makeLines(kind: LineKind): Command {
  return (state, dispatch) => {
    const lines = selected(state);
    if (lines.length === 0) return false;
    if (!dispatch) return true;
    const [type, attrs] = shape(kind);
    const { tr } = state;
    for (const [node, pos] of lines) {
      const at = tr.mapping.map(pos);
      // A list that becomes another kind of list keeps its depth.
      const parents = type === list_item && node.type === list_item ? (node.attrs["parents"] as string[]) : [];
      tr.setBlockType(at + 1, at + 1 + node.content.size, type, { ...attrs, parents });
    }
    dispatch(tr.scrollIntoView());
    return true;
  };
}

/** The same again turns the lines back into text. */
export function toggleLines(kind: LineKind): Command {
  return (state, dispatch) => makeLines(lineKind(state) === kind ? "text" : kind)(state, dispatch);
}

/** One step deeper or back. */
export function shift(by: 1 | -1): Command {
  return (state, dispatch) => {
    const lines = selected(state).filter(([node]) => node.type === list_item);
    if (lines.length === 0) return false;
    if (!dispatch) return true;
    const { tr } = state;
    for (const [node, pos] of lines) {
      const parents = node.attrs["parents"] as string[];
      const before = tr.doc.resolve(pos).nodeBefore;
      const room = before?.type === list_item ? (before.attrs["parents"] as string[]).length + 1 : 0;
      const next = by < 0 ? parents.slice(0, -1) : parents.length < Math.min(room, DEPTH_MAX) ? [...parents, LIST_NAMES[(before?.attrs["kind"] ?? "bullet") as ListKind]] : parents;
      if (next !== parents) tr.setNodeMarkup(pos, null, { ...node.attrs, parents: next });
    }
    if (tr.docChanged) dispatch(tr.scrollIntoView());
    return true;
  };
}

const at = (state: EditorState): { node: Node; pos: number } | null => {
  const { $from, empty } = state.selection;
  return empty && $from.depth === 1 ? { node: $from.parent, pos: $from.before() } : null;
};

/** Enter in a list or a quotation goes on with it; on an empty line it ends it. */
const enter: Command = (state, dispatch) => {
  const { $from, from, to } = state.selection;
  const node = $from.parent;
  if ($from.depth !== 1 || (node.type !== list_item && node.type !== quote)) return false;
  if (node.content.size === 0) {
    const parents = node.attrs["parents"] as string[];
    return node.type === list_item && parents.length > 0 ? shift(-1)(state, dispatch) : makeLines("text")(state, dispatch);
  }
  if (dispatch) {
    const tr = state.tr.delete(from, to);
    const attrs = node.type === list_item ? { ...node.attrs, checked: false, more: null } : { ...node.attrs, more: null };
    dispatch(tr.split(tr.mapping.map(from), 1, [{ type: node.type, attrs }]).scrollIntoView());
  }
  return true;
};

/** Enter after a heading begins a text; a heading cut in two stays one in both halves. */
const enterHeading: Command = (state, dispatch) => {
  const { $from, empty } = state.selection;
  if (!empty || $from.parent.type !== heading || $from.parentOffset < $from.parent.content.size) return false;
  dispatch?.(state.tr.split($from.pos, 1, [{ type: paragraph }]).scrollIntoView());
  return true;
};

/** A third Enter at the end of code leaves it. */
const leaveCode: Command = (state, dispatch) => {
  const { $from, empty } = state.selection;
  if (!empty || $from.parent.type !== code_block || $from.parentOffset < $from.parent.content.size || !$from.parent.textContent.endsWith("\n\n")) return false;
  if (dispatch) {
    const end = $from.after();
    const tr = state.tr.insert(end, paragraph.create()).delete($from.pos - 2, $from.pos);
    dispatch(tr.setSelection(TextSelection.create(tr.doc, tr.mapping.map(end, -1) + 1)).scrollIntoView());
  }
  return true;
};

export const onEnter = chainCommands(leaveCode, newlineInCode, enter, enterHeading);

/** At the start of a line that is more than text, backspace makes it text first. */
export const onBackspace: Command = (state, dispatch) => {
  const here = at(state);
  if (here === null || state.selection.$from.parentOffset > 0 || here.node.type === paragraph) return false;
  if (here.node.type === code_block && here.node.content.size > 0) return false;
  if (here.node.type === list_item && (here.node.attrs["parents"] as string[]).length > 0) return shift(-1)(state, dispatch);
  return makeLines("text")(state, dispatch);
};

export const toggleCheck: Command = (state, dispatch) => {
  const lines = selected(state).filter(([node]) => node.attrs["kind"] === "todo");
  if (lines.length === 0) return false;
  const { tr } = state;
  for (const [node, pos] of lines) tr.setNodeMarkup(pos, null, { ...node.attrs, checked: node.attrs["checked"] !== true });
  dispatch?.(tr);
  return true;
};

export function check(tr: Transaction, pos: number, checked: "done" | "open"): Transaction {
  const node = tr.doc.nodeAt(pos);
  return node?.attrs["kind"] === "todo" ? tr.setNodeMarkup(pos, null, { ...node.attrs, checked: checked === "done" }) : tr;
}

/** Puts a line of its own kind after the current one, with an empty text to go on. */
function insertLine(node: Node): Command {
  return (state, dispatch) => {
    if (!dispatch) return true;
    const { $from } = state.selection;
    const { tr } = state;
    const here = $from.depth === 0 ? $from.pos : $from.after(1);
    const replaces = $from.depth === 1 && $from.parent.type === paragraph && $from.parent.content.size === 0;
    const from = replaces ? $from.before(1) : here;
    const next = tr.doc.resolve(here).nodeAfter;
    const lines = next?.isTextblock === true ? [node] : [node, paragraph.create()];
    tr.replaceWith(from, here, lines);
    dispatch(tr.setSelection(Selection.near(tr.doc.resolve(from + node.nodeSize), 1)).scrollIntoView());
    return true;
  };
}
export const insertDivider: Command = (state, dispatch) => insertLine(divider.create())(state, dispatch);

/** A line goes above the one before it, or below the next. */
export function moveLine(by: 1 | -1): Command {
  return (state, dispatch) => {
    const { $from, from } = state.selection;
    const index = $from.index(0);
    const other = index + by;
    if ($from.depth !== 1 || other < 0 || other >= state.doc.childCount) return false;
    if (!dispatch) return true;
    const [first, second] = by < 0 ? [other, index] : [index, other];
    const start = $from.posAtIndex(first, 0);
    const [a, b] = [state.doc.child(first), state.doc.child(second)];
    const tr = state.tr.replaceWith(start, start + a.nodeSize + b.nodeSize, [b, a]);
    const moved = by < 0 ? from - a.nodeSize : from + b.nodeSize;
    dispatch(tr.setSelection(Selection.near(tr.doc.resolve(moved))).scrollIntoView());
    return true;
  };
}

export const MARKS = ["strong", "em", "strike", "code"] as const;
export type MarkName = (typeof MARKS)[number];
export const toggle = (name: MarkName): Command => toggleMark(schema.marks[name]);

export function hasMark(state: EditorState, name: string): boolean {
  const type = schema.marks[name];
  if (type === undefined) return false;
  const { from, to, empty, $from } = state.selection;
  return empty ? type.isInSet(state.storedMarks ?? $from.marks()) !== undefined : state.doc.rangeHasMark(from, to, type);
}

/** The link that the selection stands in, from end to end. */
export function linkAt(state: EditorState): { from: number; to: number; href: string } | null {
  const { $from } = state.selection;
  const type = schema.marks.link;
  const mark = type.isInSet($from.marks()) ?? type.isInSet($from.nodeAfter?.marks ?? []);
  if (mark === undefined) return null;
  const start = $from.start();
  let from = -1;
  let to = -1;
  $from.parent.forEach((node, offset) => {
    if (!mark.isInSet(node.marks)) {
      if (to < $from.pos) [from, to] = [-1, -1];
      return;
    }
    if (from < 0) from = start + offset;
    if (to < $from.pos || to === start + offset) to = start + offset + node.nodeSize;
  });
  return from < 0 ? null : { from, to, href: String(mark.attrs["href"]) };
}

export function setLink(href: string, words: string): Command {
  return (state, dispatch) => {
    if (!dispatch) return true;
    const known = linkAt(state);
    const { from, to } = known !== null && state.selection.empty ? known : state.selection;
    const { tr } = state;
    if (href === "") tr.removeMark(from, to, schema.marks.link);
    else if (from === to) tr.replaceSelectionWith(schema.text(words || href, [schema.mark("link", { href })]), false);
    else tr.addMark(from, to, schema.mark("link", { href }));
    dispatch(tr.removeStoredMark(schema.marks.link).scrollIntoView());
    return true;
  };
}

export function insertMention(from: number, to: number, id: string, name: string): Command {
  return (state, dispatch) => {
    const tr = state.tr.replaceWith(from, to, schema.text(`@${name}`, [schema.mark("mention", { id })]));
    dispatch?.(tr.insertText(" ", tr.mapping.map(to)).removeStoredMark(schema.marks.mention));
    return true;
  };
}

export { exitCode };
