/// <reference types="node" />
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as A from "@automerge/automerge/slim";
import { history, undo } from "prosemirror-history";
import { Fragment, Slice, type Node } from "prosemirror-model";
import { EditorState, TextSelection, type Transaction } from "prosemirror-state";
import type { EditorView } from "prosemirror-view";
import { beforeAll, describe, expect, test } from "vitest";
import { agrees, Binding } from "./binding";
import { schema } from "./schema";
import { PageSession, steps, textOf, type PageText, type Unsent } from "./session";
import { read, TEXT, toShown, toText, write } from "./spans";

beforeAll(async () => {
  await A.initializeWasm(readFileSync(createRequire(import.meta.url).resolve("@automerge/automerge/automerge.wasm")));
});

const actor = (n: number) => n.toString(16).padStart(32, "0");
const empty = () => A.save(A.from<PageText>({ text: "" }, { actor: actor(255) }));

/** A view without a screen: only its state. */
class Desk {
  state: EditorState;
  readonly binding: Binding;
  readonly made: Unsent[] = [];
  readonly settled: Unsent[] = [];
  readonly asides: string[] = [];
  readonly session: PageSession;

  constructor(who: number, bytes = empty(), left: Unsent[] = [], seq = 0) {
    this.session = PageSession.open({ actor: actor(who), seq, bytes }, left, {
      made: (change) => this.made.push(change),
      settled: (changes) => this.settled.push(...changes),
      aside: (text) => this.asides.push(text),
      around: (run) => this.binding.around(run),
    });
    this.state = EditorState.create({ doc: this.session.reading().doc, plugins: [history({ newGroupDelay: 0 })] });
    const view = {
      updateState: (next: EditorState) => (this.state = next),
      dispatch: (tr: Transaction) => this.binding.dispatch(tr),
    };
    Object.defineProperty(view, "state", { get: () => this.state });
    this.binding = new Binding(view as unknown as EditorView, this.session);
  }

  do(make: (tr: Transaction) => Transaction): void {
    this.binding.dispatch(make(this.state.tr));
  }
  type(at: number, text: string): void {
    this.do((tr) => tr.insertText(text, at));
  }
  get lines(): string[] {
    const lines: string[] = [];
    this.state.doc.forEach((node) => lines.push(`${node.type.name}:${node.textContent}`));
    return lines;
  }
}

function exchange(...desks: Desk[]): void {
  for (const to of desks) {
    for (const from of desks) if (from !== to) to.session.remote(A.getAllChanges(from.session.doc));
  }
}

const rich = () =>
  schema.node("doc", null, [
    schema.node("heading", { level: 1 }, [schema.text("Relevés")]),
    schema.node("paragraph", null, [schema.text("Vérifier "), schema.text("tout", [schema.mark("strong")]), schema.text(" ici", [schema.mark("link", { href: "https://a.b", title: "" })])]),
    schema.node("list_item", { kind: "todo", checked: true }, [schema.text("fait")]),
    schema.node("list_item", { kind: "bullet", parents: ["todo-item"] }, [schema.text("dessous")]),
    schema.node("divider"),
    schema.node("quote", null, [schema.text("dit")]),
    schema.node("code_block", null, [schema.text("let a;\nlet b;")]),
    schema.node("paragraph", null, [schema.node("image", { blob: "b", name: "n.png", alt: "a" }), schema.text("Marie", [schema.mark("mention", { id: "u" })])]),
  ]);

describe("a page's text and what is shown of it", () => {
  test("everything a page can hold is written and read back the same", () => {
    expect(read(write(rich(), false)).doc.eq(rich())).toBe(true);
    const desk = new Desk(1);
    desk.do((tr) => tr.replace(0, tr.doc.content.size, new Slice(rich().content, 0, 0)));
    expect(desk.session.reading().doc.toJSON()).toEqual(rich().toJSON());
    expect(agrees(desk.state, desk.session)).toBe(true);
  });

  test("places agree both ways in every line", () => {
    const reading = read(write(rich(), false));
    rich().descendants((node, pos) => {
      if (!node.isText) return;
      for (let i = 0; i <= node.nodeSize; i++) expect(toShown(reading, toText(reading, pos + i))).toBe(pos + i);
    });
  });

  test("text right after a divider, and a picture in code, are shown as paragraphs", () => {
    const spans = write(rich(), false);
    const odd = [...spans.filter((span) => span.type === "block" && (span.value["type"] as A.ImmutableString).val === "divider"), { type: "text" as const, value: "x" }];
    expect(read(odd).doc.childCount).toBe(2);
    expect(read([]).doc.childCount).toBe(1);
  });

  test("an unknown kind of line and an unknown mark survive an edit beside them", () => {
    const made = A.from<PageText>({ text: "" }, { actor: actor(9) });
    const bytes = A.save(
      A.change(made, (doc) => {
        const value = { type: new A.ImmutableString("chart"), parents: [], attrs: { of: new A.ImmutableString("rain") }, isEmbed: false };
        A.updateSpans(doc, TEXT, [{ type: "block", value }, { type: "text", value: "abc", marks: { glow: "blue" } }]);
      }),
    );
    const desk = new Desk(1, bytes);
    desk.do((tr) => tr.insert(tr.doc.content.size, schema.node("paragraph", null, [schema.text("next")])));
    const spans = A.spans(desk.session.doc, TEXT);
    expect(String((spans[0] as unknown as { value: { type: unknown } }).value.type)).toBe("chart");
    expect(spans[1]).toMatchObject({ value: "abc", marks: { glow: "blue" } });
  });
});

describe("two people at one page", () => {
  test("type in the same line and both see both", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ann.type(1, "bonjour");
    exchange(ann, ben);
    ann.type(8, " Anne");
    ben.type(1, "Ben : ");
    exchange(ann, ben);
    expect(ann.lines).toEqual(["paragraph:Ben : bonjour Anne"]);
    expect(ben.lines).toEqual(ann.lines);
  });

  test("one's cursor stays at its letter while others write before and after it", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ann.type(1, "un deux trois");
    exchange(ann, ben);
    ann.do((tr) => tr.setSelection(TextSelection.create(tr.doc, 8)));
    ben.do((tr) => tr.insertText("zéro ", 1));
    ben.do((tr) => tr.insertText(" quatre", ben.state.doc.content.size - 1));
    exchange(ann, ben);
    const { $head } = ann.state.selection;
    expect($head.parent.textContent.slice(0, $head.parentOffset)).toBe("zéro un deux");
  });

  test("a passage holds its letters, not what is written before and after it, and is gone with them", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ann.type(1, "un deux trois");
    exchange(ann, ben);
    const [start, end] = [ann.session.beginning(3), ann.session.cursor(7)];
    const words = (desk: Desk) => {
      const passage = desk.session.passage({ start, end });
      return passage && desk.session.doc.text.slice(passage.from, passage.to);
    };
    expect(words(ann)).toBe("deux");
    ben.type(4, "et ");
    ben.type(11, "x");
    exchange(ann, ben);
    expect([words(ann), words(ben)]).toEqual(["deux", "deux"]);
    ben.do((tr) => tr.delete(6, 13));
    exchange(ann, ben);
    expect(words(ann)).toBeNull();
  });

  test("a passage that was a whole line is gone when the line is emptied", () => {
    const ann = new Desk(1);
    ann.do((tr) => tr.replaceWith(0, tr.doc.content.size, ["a", "bcd", "e"].map((text) => schema.node("paragraph", null, [schema.text(text)]))));
    const reading = ann.session.reading();
    const anchor = { start: ann.session.beginning(toText(reading, 4)), end: ann.session.cursor(toText(reading, 7)) };
    expect(ann.session.passage(anchor)).not.toBeNull();
    ann.do((tr) => tr.delete(4, 7));
    expect(ann.session.passage(anchor)).toBeNull();
  });

  test("undo takes back one's own text and leaves that of others", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ann.type(1, "Anne");
    exchange(ann, ben);
    ben.type(5, " et Ben");
    exchange(ann, ben);
    undo(ann.state, (tr) => ann.binding.dispatch(tr));
    expect(ann.lines).toEqual(["paragraph: et Ben"]);
    exchange(ann, ben);
    expect(ben.lines).toEqual(ann.lines);
  });
});

describe("changes that wait", () => {
  test("those that the site keeps stop waiting", () => {
    const ann = new Desk(1);
    ann.type(1, "a");
    ann.type(2, "b");
    expect(ann.session.unsent.map((one) => one.seq)).toEqual([1, 2]);
    ann.session.kept(ann.made.slice(0, 1).map((one) => one.hash));
    expect(ann.session.unsent).toHaveLength(1);
  });

  test("after a cut only what the node does not have waits on, and others' text is there", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ann.type(1, "bonjour");
    exchange(ann, ben);
    const known = ann.session.unsent.length;
    ann.type(1, "Hors ligne ");
    ben.type(8, " à tous");
    ann.session.reconnect({ actor: actor(1), seq: known, bytes: ben.session.save() });
    expect(ann.session.unsent.map((one) => one.seq)).toEqual([known + 1]);
    expect(ann.lines).toEqual(["paragraph:Hors ligne bonjour à tous"]);
    ann.type(1, "x");
    expect(ann.session.unsent.map((one) => one.seq)).toEqual([known + 1, known + 2]);
  });

  test("changes of an earlier visit are in the page when it is opened again", () => {
    const before = new Desk(1);
    before.type(1, "écrit hier");
    const now = new Desk(1, empty(), before.made);
    expect(now.lines).toEqual(["paragraph:écrit hier"]);
    expect(now.session.unsent).toHaveLength(1);
    now.type(1, "x");
    expect(now.made[0]?.seq).toBe(2);
  });

  test("under another actor they are written anew, once", () => {
    const before = new Desk(1);
    before.type(1, "écrit hier");
    before.do((tr) => tr.addMark(1, 6, schema.mark("strong")));
    const now = new Desk(3, empty(), before.made);
    expect(now.lines).toEqual(["paragraph:écrit hier"]);
    expect(now.session.unsent.every((one) => one.actor === actor(3))).toBe(true);
    expect(now.settled.map((one) => one.actor)).toEqual(before.made.map((one) => one.actor));
    const other = new Desk(4);
    other.session.remote(now.made.map((one) => one.bytes));
    expect(other.state.doc.toJSON()).toEqual(now.state.doc.toJSON());
  });

  test("what builds on text that the node never had is put aside for the person", () => {
    const [ann, ben] = [new Desk(1), new Desk(2)];
    ben.type(1, "jamais reçu ");
    exchange(ann, ben);
    ann.type(13, "mais écrit");
    const now = new Desk(3, empty(), ann.made);
    expect(now.asides).toEqual(["mais écrit"]);
    expect(now.session.unsent).toEqual([]);
  });

  test("a refusal gives the text back with all that was built on it", () => {
    const ann = new Desk(1);
    ann.type(1, "un ");
    ann.type(4, "deux ");
    ann.type(9, "trois");
    ann.session.refused([ann.made[1]?.hash ?? ""]);
    expect(ann.asides).toEqual(["deux trois"]);
    expect(ann.session.unsent).toHaveLength(1);
    expect(textOf(ann.made)).toBe("un deux trois");
  });
});

describe("large acts", () => {
  const long = (letter: string, lines: number) => Array.from({ length: lines }, (_, i) => schema.node("paragraph", null, [schema.text(`${i} ${letter.repeat(90)}`)]));

  test("a long paste and its deletion leave in changes that the node takes", () => {
    const ann = new Desk(1);
    ann.do((tr) => tr.replace(0, tr.doc.content.size, new Slice(Fragment.from(long("a", 300)), 0, 0)));
    expect(ann.state.doc.childCount).toBe(300);
    const pasted = ann.made.length;
    expect(pasted).toBeGreaterThan(3);
    ann.do((tr) => tr.delete(0, tr.doc.content.size));
    expect(ann.made.length).toBeGreaterThan(pasted + 2);
    for (const { bytes } of ann.made) {
      expect(bytes.length).toBeLessThan(40 * 1024);
      expect(A.decodeChange(bytes).ops.length).toBeLessThan(9_500);
    }
    const ben = new Desk(2);
    ben.session.remote(ann.made.map((one) => one.bytes));
    expect(ben.state.doc.toJSON()).toEqual(ann.state.doc.toJSON());
  });

  test("bold over a whole long text stays one change", () => {
    const doc = (marks: boolean) => schema.node("doc", null, long("b", 200).map((node) => schema.node("paragraph", null, [schema.text(node.textContent, marks ? [schema.mark("strong")] : [])])));
    expect(steps(write(doc(false), false), write(doc(true), false))).toHaveLength(1);
  });

  test("pieces never end between the halves of a character", () => {
    const text = "😀".repeat(9_000);
    for (const spans of steps([], [{ type: "text", value: text }])) {
      for (const span of spans) if (span.type === "text") expect(/^(?:[\uD800-\uDBFF][\uDC00-\uDFFF])*$/.test(span.value)).toBe(true);
    }
  });
});

/** A small generator with a seed, so that a failure can be played again. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

function randomAct(desk: Desk, roll: (below: number) => number): void {
  const { doc } = desk.state;
  const lines: [Node, number][] = [];
  doc.forEach((node, offset) => lines.push([node, offset]));
  const [node, offset] = lines[roll(lines.length)] as [Node, number];
  const at = node.isTextblock ? offset + 1 + roll(node.content.size + 1) : offset;
  switch (roll(9)) {
    case 0:
    case 1:
    case 2:
      if (node.isTextblock) desk.type(at, ["a", "bc ", "é", "😀", "xyz"][roll(5)] as string);
      return;
    case 3: {
      const to = Math.min(doc.content.size, at + 1 + roll(12));
      desk.do((tr) => tr.delete(at, to));
      return;
    }
    case 4:
      if (node.isTextblock && node.type.name !== "code_block") desk.do((tr) => tr.split(at));
      return;
    case 5:
      if (node.isTextblock) {
        const [type, attrs] = ([["heading", { level: 1 + roll(3) }], ["list_item", { kind: ["bullet", "ordered", "todo"][roll(3)] }], ["quote", {}], ["paragraph", {}]] as const)[roll(4)] as [string, object];
        desk.do((tr) => (node.type.name === "code_block" ? tr : tr.setNodeMarkup(offset, schema.nodes[type], attrs)));
      }
      return;
    case 6: {
      const to = Math.min(doc.content.size, at + 1 + roll(8));
      const mark = schema.mark(["strong", "em", "strike"][roll(3)] as string);
      desk.do((tr) => (roll(3) === 0 ? tr.removeMark(at, to, mark.type) : tr.addMark(at, to, mark)));
      return;
    }
    case 7:
      desk.do((tr) => tr.insert(offset, roll(2) === 0 ? schema.node("divider") : schema.node("list_item", { kind: "todo", checked: roll(2) === 0 }, [schema.text("à faire")])));
      return;
    default:
      undo(desk.state, (tr) => desk.binding.dispatch(tr));
  }
}

describe("any acts in any order", () => {
  for (let seed = 1; seed <= 15; seed++) {
    test(`seed ${seed}: three people end with the same page, and each sees what its text says`, () => {
      const roll = dice(seed);
      const desks = [new Desk(1), new Desk(2), new Desk(3)];
      for (let round = 0; round < 12; round++) {
        for (const desk of desks) {
          for (let i = roll(4); i >= 0; i--) {
            randomAct(desk, roll);
            if (!agrees(desk.state, desk.session)) expect(desk.state.doc.toJSON()).toEqual(desk.session.reading().doc.toJSON());
          }
        }
        if (roll(2) === 0) exchange(...desks);
      }
      exchange(...desks);
      for (const desk of desks) {
        expect(desk.session.heads).toEqual(desks[0]?.session.heads);
        expect(desk.state.doc.toJSON()).toEqual(desks[0]?.state.doc.toJSON());
      }
    });
  }
});
