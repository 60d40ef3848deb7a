/**
 * Keeps a shown document and a page's text the same: what is typed goes into the text, what others write is shown.
 *
 * After every act the shown document equals the reading of the text; where it does not, the text wins.
 */

import * as A from "@automerge/automerge/slim";
import { Fragment, Slice, type Mark, type Node } from "prosemirror-model";
import { TextSelection, type EditorState, type Transaction } from "prosemirror-state";
import { AddMarkStep, RemoveMarkStep, ReplaceStep, type Step } from "prosemirror-transform";
import type { EditorView } from "prosemirror-view";
import type { PageSession, PageText } from "./session";
import { expandOf, markValue, markValues, TEXT, toShown, toText, type Reading } from "./spans";

/** Marks a transaction that came out of the text: it is shown, and not written again. */
export const FROM_TEXT = "page-from-text";
/** Longer pieces go the way of all other changes, which cuts them. */
const TYPED_MAX = 2_000;

/** Replaces what differs between two documents, as little as possible. */
export function showDifference(tr: Transaction, wanted: Node): Transaction {
  const start = tr.doc.content.findDiffStart(wanted.content);
  if (start === null) return tr;
  const ends = tr.doc.content.findDiffEnd(wanted.content);
  if (ends === null) return tr;
  // The same letter on both sides of a change is found from both ends: let the ends not cross.
  const overlap = Math.max(0, start - Math.min(ends.a, ends.b));
  const [endA, endB] = [ends.a + overlap, ends.b + overlap];
  try {
    const step = new ReplaceStep(start, endA, wanted.slice(start, endB));
    const result = step.apply(tr.doc);
    if (result.doc?.eq(wanted) === true) return tr.step(step);
  } catch {
    // The ends do not lie in like lines: whole lines are replaced instead.
  }
  return showLines(tr, wanted);
}

function showLines(tr: Transaction, wanted: Node): Transaction {
  const before = tr.doc;
  let first = 0;
  let from = 0;
  while (first < before.childCount && first < wanted.childCount && before.child(first).eq(wanted.child(first))) {
    from += before.child(first).nodeSize;
    first += 1;
  }
  let last = 0;
  let to = before.content.size;
  const room = Math.min(before.childCount, wanted.childCount) - first;
  while (last < room && before.child(before.childCount - 1 - last).eq(wanted.child(wanted.childCount - 1 - last))) {
    to -= before.child(before.childCount - 1 - last).nodeSize;
    last += 1;
  }
  const lines: Node[] = [];
  for (let i = first; i < wanted.childCount - last; i++) lines.push(wanted.child(i));
  return tr.step(new ReplaceStep(from, to, new Slice(Fragment.from(lines), 0, 0)));
}

/** Text typed or deleted inside one line: where, and with which marks. */
function typed(step: Step, before: Node): { from: number; to: number; text: string; marks: readonly Mark[] } | null {
  if (!(step instanceof ReplaceStep)) return null;
  const { from, to, slice } = step;
  if (slice.openStart > 0 || slice.openEnd > 0 || slice.content.childCount > 1 || to - from + slice.size > TYPED_MAX) return null;
  const node = slice.content.firstChild;
  if (node !== null && !node.isText) return null;
  const $from = before.resolve(from);
  if (!$from.parent.isTextblock || to > $from.end()) return null;
  return { from, to, text: node?.text ?? "", marks: node?.marks ?? [] };
}

/** Gives freshly typed text exactly the marks it was typed with. */
function settleMarks(doc: PageText, start: number, length: number, marks: readonly Mark[]): void {
  const wanted = markValues(marks);
  const given = A.marksAt(doc, TEXT, start);
  for (const [name, value] of Object.entries(wanted)) {
    if (given[name] !== value) A.mark(doc, TEXT, { start, end: start + length, expand: expandOf(name) }, name, value);
  }
  for (const [name, value] of Object.entries(given)) {
    if (value !== null && !(name in wanted)) A.unmark(doc, TEXT, { start, end: start + length, expand: expandOf(name) }, name);
  }
}

/** Whether all that happened is marks set or taken away. */
function marking(steps: readonly Step[]): steps is (AddMarkStep | RemoveMarkStep)[] {
  return steps.every((step) => (step instanceof AddMarkStep || step instanceof RemoveMarkStep) && step.mark.type.name !== "unknown_mark");
}

/** Writes what some transactions did into the text. */
export function writeInto(session: PageSession, transactions: readonly Transaction[], after: Node): void {
  const steps = transactions.flatMap((tr) => tr.steps);
  const reading = session.reading();
  const [only] = steps;
  const before = transactions[0]?.docs[0];
  if (steps.length === 1 && only !== undefined && before !== undefined) {
    const piece = typed(only, before);
    if (piece !== null) {
      const start = toText(reading, piece.from);
      const end = toText(reading, piece.to);
      session.act((doc) => {
        A.splice(doc, TEXT, start, end - start, piece.text);
        if (piece.text !== "") settleMarks(doc, start, piece.text.length, piece.marks);
      });
      return;
    }
  }
  if (steps.length > 0 && marking(steps)) {
    session.act((doc) => {
      for (const step of steps) {
        const { name } = step.mark.type;
        const range = { start: toText(reading, step.from), end: toText(reading, step.to), expand: expandOf(name) };
        if (step instanceof AddMarkStep) A.mark(doc, TEXT, range, name, markValue(step.mark));
        else A.unmark(doc, TEXT, range, name);
      }
    });
    return;
  }
  session.put(after);
}

/** Where the person's selection is, held by characters of the text. */
interface Held {
  anchor: string;
  head: string;
}

export class Binding {
  constructor(
    readonly view: EditorView,
    readonly session: PageSession,
  ) {}

  /** Takes every transaction of the view: shows it, writes it, and sets right what differs. */
  dispatch(tr: Transaction): void {
    const { view, session } = this;
    const { state, transactions } = view.state.applyTransaction(tr);
    const own = transactions.filter((one) => one.docChanged && one.getMeta(FROM_TEXT) !== true);
    view.updateState(state);
    if (own.length === 0) return;
    writeInto(session, own, state.doc);
    this.refresh();
  }

  /** Runs what changes the text from outside and shows the result, with the cursor beside the same letters. */
  around(run: () => void): void {
    const held = this.#hold();
    run();
    this.refresh(held);
  }

  /** Shows the text as it is now. */
  refresh(held: Held | null = null): void {
    const { state } = this.view;
    const { doc } = this.session.reading();
    if (state.doc.eq(doc)) return;
    const tr = showDifference(state.tr, doc).setMeta(FROM_TEXT, true).setMeta("addToHistory", false);
    if (held !== null) this.#putBack(tr, held);
    this.view.dispatch(tr);
  }

  #hold(): Held | null {
    const { selection } = this.view.state;
    if (!(selection instanceof TextSelection)) return null;
    const reading = this.session.reading();
    try {
      return { anchor: this.session.cursor(toText(reading, selection.anchor)), head: this.session.cursor(toText(reading, selection.head)) };
    } catch {
      return null;
    }
  }

  #putBack(tr: Transaction, held: Held): void {
    const reading: Reading = this.session.reading();
    const anchor = this.session.place(held.anchor);
    const head = this.session.place(held.head);
    // A character that others deleted: the mapped place is as good.
    if (anchor === null || head === null) return;
    const [a, h] = [toShown(reading, anchor), toShown(reading, head)];
    if (a > tr.doc.content.size || h > tr.doc.content.size) return;
    const [$a, $h] = [tr.doc.resolve(a), tr.doc.resolve(h)];
    if ($a.parent.inlineContent && $h.parent.inlineContent) tr.setSelection(new TextSelection($a, $h));
  }
}

/** Whether the state shows exactly what the text says: for tests. */
export function agrees(state: EditorState, session: PageSession): boolean {
  return state.doc.eq(session.reading().doc);
}
