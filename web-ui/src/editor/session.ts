/**
 * One page being written in this browser: its text, and the changes that the site has not kept yet.
 *
 * Knows nothing of sockets, screens or storage: whoever opens it hands in what arrives and takes what must leave.
 */

import * as A from "@automerge/automerge/slim";
import { EXPAND, read, TEXT, write, type Reading } from "./spans";

export type PageText = { text: string };
/** A change on its way: `seq` counts the changes of its actor. */
export interface Unsent {
  actor: string;
  seq: number;
  hash: string;
  bytes: Uint8Array;
}
/** What the node says when it opens a page. */
export interface Opening {
  actor: string;
  /** How many changes of this actor the node has. */
  seq: number;
  bytes: Uint8Array;
}
export interface SessionEvents {
  /** A change was made here: it must be stored before anything else. */
  made(change: Unsent): void;
  /** These no longer wait: kept by the site, put aside, or written anew under another actor. */
  settled(changes: Unsent[]): void;
  /** A text that could not be brought back into the page, for the person to keep. */
  aside(text: string): void;
  /** Runs what changes the text from outside, with whoever shows it before and after. */
  around(run: () => void): void;
}

/** The node takes at most 10,000 operations a change; a character is one, a line's marker up to ten. */
const STEP_WEIGHT_MAX = 7_000;
const MARKER_WEIGHT = 10;
/** The place before all text. */
const START = "s";

export class PageSession {
  doc: A.Doc<PageText>;
  /** Made here and not yet kept by the site, oldest first. */
  unsent: Unsent[] = [];
  /** Read from the text when somebody asks; dropped at each change. */
  #reading: Reading | undefined;
  #seq: number;

  private constructor(
    doc: A.Doc<PageText>,
    readonly on: SessionEvents,
  ) {
    this.doc = doc;
    this.#seq = 0;
  }

  /** A page as the node just sent it, with what earlier visits left in this browser. */
  static open(opening: Opening, left: Unsent[], on: SessionEvents): PageSession {
    const session = new PageSession(A.init<PageText>({ actor: opening.actor }), on);
    session.unsent = left;
    session.#take(opening);
    return session;
  }

  /** A page from what this browser keeps, while the site is out of reach. The actor is for now only: the node gives the real one. */
  static reopen(bytes: Uint8Array, actor: string, left: Unsent[], on: SessionEvents): PageSession {
    const own = left.filter((one) => one.actor === actor);
    const session = new PageSession(withChanges(A.load<PageText>(bytes, { actor }), own.map((one) => one.bytes)), on);
    session.unsent = left;
    session.#seq = own.at(-1)?.seq ?? 0;
    return session;
  }

  get actor(): string {
    return A.getActorId(this.doc);
  }
  get heads(): string[] {
    return A.getHeads(this.doc);
  }
  save(): Uint8Array {
    return A.save(this.doc);
  }

  reading(): Reading {
    this.#reading ??= read("text" in this.doc ? A.spans(this.doc, TEXT) : []);
    return this.#reading;
  }

  /** The line was cut and is back: what the node has now, and what waits here on top of it. */
  reconnect(opening: Opening): void {
    this.on.around(() => this.#take(opening));
  }

  #take({ actor, seq, bytes }: Opening): void {
    const known = this.unsent.filter((one) => one.actor === actor && one.seq <= seq);
    const waiting = this.unsent.filter((one) => !known.includes(one));
    let doc = A.load<PageText>(bytes, { actor });
    if (known.length > 0) this.on.settled(known);
    this.unsent = waiting.filter((one) => one.actor === actor);
    this.#seq = seq;
    if (this.unsent.length > 0) {
      const [next, missing] = attempt(doc, this.unsent);
      if (missing) {
        this.#putAside(this.unsent);
        this.unsent = [];
      } else {
        doc = next;
        this.#seq = this.unsent.at(-1)?.seq ?? seq;
      }
    }
    this.#set(doc);
    for (const group of byActor(waiting.filter((one) => one.actor !== actor))) this.#writeAnew(group);
  }

  /** Changes under an actor that the node no longer gives out: merged beside, and what they add is written as new changes. */
  #writeAnew(group: Unsent[]): void {
    const [merged, missing] = attempt(A.clone(this.doc), group);
    if (missing) {
      this.#putAside(group);
      return;
    }
    const spans = A.spans(merged, TEXT);
    this.#change((doc) => A.updateSpans(doc, TEXT, spans, EXPAND));
    this.on.settled(group);
  }

  #putAside(changes: Unsent[]): void {
    const text = textOf(changes);
    this.on.settled(changes);
    if (text.trim() !== "") this.on.aside(text);
  }

  /** Others' changes, as the node hands them on. */
  remote(changes: Uint8Array[]): void {
    if (changes.length === 0) return;
    this.on.around(() => this.#set(withChanges(this.doc, changes)));
  }

  /** The site has these on its disk. */
  kept(hashes: string[]): void {
    const known = new Set(hashes);
    const settled = this.unsent.filter((one) => known.has(one.hash));
    if (settled.length === 0) return;
    this.unsent = this.unsent.filter((one) => !known.has(one.hash));
    this.on.settled(settled);
  }

  /** The site took none of these, nor what was built on them: their text goes back to the person, the page is to be opened again. */
  refused(hashes: string[]): void {
    const first = this.unsent.findIndex((one) => hashes.includes(one.hash));
    if (first < 0) return;
    const lost = this.unsent.slice(first);
    this.unsent = this.unsent.slice(0, first);
    this.#putAside(lost);
  }

  #set(doc: A.Doc<PageText>): void {
    this.doc = doc;
    this.#reading = undefined;
  }

  #change(make: (doc: PageText) => void): void {
    const before = this.heads;
    const next = A.change(this.doc, make);
    const heads = A.getHeads(next);
    this.#set(next);
    if (heads.length === before.length && heads.every((one, i) => one === before[i])) return;
    const bytes = A.getLastLocalChange(next);
    const hash = heads[0];
    if (bytes === undefined || hash === undefined) return;
    this.#seq += 1;
    const change: Unsent = { actor: this.actor, seq: this.#seq, hash, bytes };
    this.unsent.push(change);
    this.on.made(change);
  }

  /** One act that touches few characters. */
  act(make: (doc: PageText) => void): void {
    this.#change((doc) => {
      if (!("text" in doc)) (doc as PageText).text = "";
      make(doc);
    });
  }

  /** Makes the text what the document shows, in as many changes as the node's limits ask for. */
  put(doc: Reading["doc"]): void {
    const before = "text" in this.doc ? A.spans(this.doc, TEXT) : [];
    const wanted = write(doc, before[0]?.type !== "block" || before[0].value["isEmbed"] === true);
    for (const spans of steps(before, wanted)) this.act((draft) => A.updateSpans(draft, TEXT, spans, EXPAND));
  }

  /** A place in the text that stays behind the character before it, whoever writes there. */
  cursor(index: number): string {
    return index <= 0 ? START : A.getCursor(this.doc, TEXT, Math.min(index, this.#length()) - 1, "before");
  }
  /** Where that place is now; nothing when this browser does not have its character. */
  place(cursor: string): number | null {
    if (cursor === START) return 0;
    try {
      return A.getCursorPosition(this.doc, TEXT, cursor) + 1;
    } catch {
      return null;
    }
  }
  /** Where a passage begins: at this character, whatever is written before it. */
  beginning(index: number): string {
    return A.getCursor(this.doc, TEXT, Math.min(index, Math.max(0, this.#length() - 1)), "after");
  }
  /** Where a passage is now; nothing when it is gone, or not here. */
  passage({ start, end }: { start: string; end: string }): { from: number; to: number } | null {
    try {
      const from = A.getCursorPosition(this.doc, TEXT, start);
      const to = this.place(end);
      return to !== null && from < to ? { from, to } : null;
    } catch {
      return null;
    }
  }
  #length(): number {
    return this.doc.text?.length ?? 0;
  }
}

function withChanges(doc: A.Doc<PageText>, changes: Uint8Array[]): A.Doc<PageText> {
  return changes.length === 0 ? doc : A.applyChanges(doc, changes)[0];
}

/** The document with the changes; whether something that they build on is missing. */
function attempt(doc: A.Doc<PageText>, changes: Unsent[]): [A.Doc<PageText>, boolean] {
  const next = withChanges(doc, changes.map((one) => one.bytes));
  return [next, !A.hasHeads(next, changes.map((one) => one.hash))];
}

function byActor(changes: Unsent[]): Unsent[][] {
  const groups = new Map<string, Unsent[]>();
  for (const one of changes) groups.set(one.actor, [...(groups.get(one.actor) ?? []), one]);
  return [...groups.values()];
}

/** What was typed in some changes, whether or not they fit anywhere. */
export function textOf(changes: readonly Unsent[]): string {
  let text = "";
  for (const change of changes) {
    for (const op of A.decodeChange(change.bytes).ops as { action: string; insert?: boolean; value?: unknown }[]) {
      if (op.insert !== true) continue;
      if (typeof op.value === "string") text += op.value;
      else if (op.action === "makeMap" && text !== "") text += "\n";
    }
  }
  return text;
}

/** Stands for a line's marker or a picture, as in the text itself. */
const OBJECT = "\uFFFC";
const flat = (spans: readonly A.Span[]): string => spans.map((span) => (span.type === "text" ? span.value : OBJECT)).join("");
const weigh = (text: string): number => text.length + (text.split(OBJECT).length - 1) * (MARKER_WEIGHT - 1);

/** Spans up to an index of the text. */
function cut(spans: readonly A.Span[], at: number): A.Span[] {
  const head: A.Span[] = [];
  let left = at;
  for (const span of spans) {
    if (left <= 0) break;
    const length = span.type === "text" ? span.value.length : 1;
    head.push(span.type === "text" && length > left ? { ...span, value: span.value.slice(0, left) } : span);
    left -= length;
  }
  return head;
}

/** Spans from an index of the text on. */
function from(spans: readonly A.Span[], at: number): A.Span[] {
  const tail: A.Span[] = [];
  let index = 0;
  for (const span of spans) {
    const length = span.type === "text" ? span.value.length : 1;
    if (index >= at) tail.push(span);
    else if (index + length > at && span.type === "text") tail.push({ ...span, value: span.value.slice(at - index) });
    index += length;
  }
  return tail;
}

/** What lines of one text are not in the other, by weight. */
function apart(text: string, other: string): number {
  const known = new Set(other.split(OBJECT));
  return text.split(OBJECT).reduce((sum, line) => sum + (known.has(line) ? 0 : line.length + MARKER_WEIGHT), 0);
}

/** Ends of a piece never lie between the two halves of one character. */
const whole = (text: string, at: number): number => (/[\uD800-\uDBFF]/.test(text.charAt(at - 1)) ? at - 1 : at);

/** The states to go through from one text to another, none further from the last than one change may be. */
export function steps(before: readonly A.Span[], wanted: readonly A.Span[]): A.Span[][] {
  const [was, will] = [flat(before), flat(wanted)];
  let start = 0;
  while (start < was.length && start < will.length && was[start] === will[start]) start += 1;
  let tail = 0;
  while (tail < was.length - start && tail < will.length - start && was[was.length - 1 - tail] === will[will.length - 1 - tail]) tail += 1;
  const removed = was.slice(start, was.length - tail);
  const added = will.slice(start, will.length - tail);
  if (weigh(removed) + weigh(added) <= STEP_WEIGHT_MAX || apart(removed, added) + apart(added, removed) <= STEP_WEIGHT_MAX) return [[...wanted]];
  const result: A.Span[][] = [];
  for (let left = removed.length - STEP_WEIGHT_MAX; left > 0; left -= STEP_WEIGHT_MAX) {
    result.push([...cut(before, whole(was, start + left)), ...from(before, was.length - tail)]);
  }
  if (removed.length > 0 && added.length > 0) result.push([...cut(before, start), ...from(before, was.length - tail)]);
  let have = 0;
  while (have < added.length) {
    let next = have;
    for (let left = STEP_WEIGHT_MAX; left > 0 && next < added.length; next++) left -= added[next] === OBJECT ? MARKER_WEIGHT : 1;
    have = next;
    if (have < added.length) result.push([...cut(wanted, whole(will, start + have)), ...from(wanted, will.length - tail)]);
  }
  result.push([...wanted]);
  return result;
}
