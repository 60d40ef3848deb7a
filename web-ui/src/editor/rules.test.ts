import { EditorState, TextSelection, type Command } from "prosemirror-state";
import { describe, expect, test } from "vitest";
import { kindOf, makeLines, moveLine, onBackspace, onEnter, setLink, shift, toggleCheck, toggleLines } from "./commands";
import { outline } from "./outline";
import { fromMarkdown } from "./paste";
import { RULES } from "./rules";
import { safeHref, schema } from "./schema";
import { question } from "./suggest";

class Pen {
  state = EditorState.create({ doc: schema.node("doc", null, [schema.node("paragraph")]) });

  /** Types as a person does: a sign that completes a form becomes it. */
  type(text: string): this {
    for (const letter of text) {
      if (letter === "\n") {
        if (!this.do(onEnter)) this.do(splitLine);
        continue;
      }
      const { $from, from, to } = this.state.selection;
      const before = $from.parent.textBetween(0, $from.parentOffset, null, "\uFFFC") + letter;
      const tr = $from.parent.type.spec.code === true ? null : this.#ruled(before, letter, from, to);
      this.state = this.state.apply(tr ?? this.state.tr.insertText(letter));
    }
    return this;
  }
  #ruled(before: string, letter: string, from: number, to: number) {
    for (const rule of RULES) {
      const { match, handler } = rule as unknown as { match: RegExp; handler: (state: EditorState, match: RegExpExecArray, start: number, end: number) => ReturnType<EditorState["apply"]>["tr"] | null };
      const found = match.exec(before);
      const tr = found === null ? null : handler(this.state, found, from - (found[0].length - letter.length), to);
      if (tr !== null) return tr;
    }
    return null;
  }
  do(command: Command): boolean {
    return command(this.state, (tr) => (this.state = this.state.apply(tr)));
  }
  get lines(): string[] {
    const lines: string[] = [];
    this.state.doc.forEach((node) => lines.push(`${kindOf(node) ?? node.type.name}${"·".repeat((node.attrs["parents"] as string[]).length)}:${node.textContent}`));
    return lines;
  }
  get marked(): string[] {
    const found: string[] = [];
    this.state.doc.descendants((node) => {
      if (node.isText && node.marks.length > 0) found.push(`${node.text ?? ""}=${node.marks.map((mark) => mark.type.name).join("+")}`);
    });
    return found;
  }
}
const splitLine: Command = (state, dispatch) => {
  dispatch?.(state.tr.split(state.selection.from));
  return true;
};

describe("signs become form while one types", () => {
  test("at the start of a line", () => {
    const pen = new Pen().type("# Un\n## Deux\n- a\nb\n\n1. c\n\n[ ] d\ne\n\n> f\n\nfin");
    expect(pen.lines).toEqual(["h1:Un", "h2:Deux", "bullet:a", "bullet:b", "ordered:c", "todo:d", "todo:e", "quote:f", "text:fin"]);
  });
  test("a ticked box, code and a divider", () => {
    const pen = new Pen().type("[x] fait\n\n---suite\n```let a;\nb");
    expect(pen.state.doc.firstChild?.attrs["checked"]).toBe(true);
    expect(pen.lines).toEqual(["todo:fait", "divider:", "text:suite", "code:let a;\nb"]);
  });
  test("around words", () => {
    const pen = new Pen().type("un **gras**, *penché*, __aussi__, ~~barré~~ et `code` x");
    expect(pen.marked).toEqual(["gras=strong", "penché=em", "aussi=strong", "barré=strike", "code=code"]);
    expect(pen.state.doc.textContent).toBe("un gras, penché, aussi, barré et code x");
  });
  test("but not inside words, in code, or around nothing", () => {
    expect(new Pen().type("mon_nom_de fichier, 2*3*4 et ** **").marked).toEqual([]);
    expect(new Pen().type("```a **b** # c").lines).toEqual(["code:a **b** # c"]);
    expect(new Pen().type("## Titre - a").lines).toEqual(["h2:Titre - a"]);
  });
});

describe("lines", () => {
  test("Tab goes deeper only under another item, and Enter on an empty item comes back", () => {
    const pen = new Pen().type("- a\nb");
    pen.do(shift(1));
    pen.do(shift(1));
    expect(pen.lines).toEqual(["bullet:a", "bullet·:b"]);
    pen.type("\n\n");
    expect(pen.lines).toEqual(["bullet:a", "bullet·:b", "bullet:"]);
    pen.type("\n");
    expect(pen.lines.at(-1)).toBe("text:");
  });
  test("backspace at the start takes the form away before it joins lines", () => {
    const pen = new Pen().type("# Titre");
    pen.state = pen.state.apply(pen.state.tr.setSelection(TextSelection.create(pen.state.doc, 1)));
    expect(pen.do(onBackspace)).toBe(true);
    expect(pen.lines).toEqual(["text:Titre"]);
    expect(pen.do(onBackspace)).toBe(false);
  });
  test("the same tool twice gives text again; a box is ticked from the keyboard", () => {
    const pen = new Pen().type("a");
    pen.do(toggleLines("todo"));
    pen.do(toggleCheck);
    expect(pen.state.doc.firstChild?.attrs).toMatchObject({ kind: "todo", checked: true });
    pen.do(toggleLines("todo"));
    expect(pen.lines).toEqual(["text:a"]);
  });
  test("a line moves over its neighbour with the cursor in it", () => {
    const pen = new Pen().type("un\ndeux");
    pen.do(moveLine(-1));
    pen.type("!");
    expect(pen.lines).toEqual(["text:deux!", "text:un"]);
    pen.do(makeLines("h3"));
    expect(outline(pen.state.doc)).toEqual([{ level: 3, text: "deux!", pos: 0 }]);
  });
  test("a link is put on what is chosen, and only where it may lead", () => {
    const pen = new Pen().type("voir");
    pen.state = pen.state.apply(pen.state.tr.setSelection(TextSelection.create(pen.state.doc, 1, 5)));
    pen.do(setLink("https://exemple.fr", ""));
    expect(pen.marked).toEqual(["voir=link"]);
    expect(safeHref("javascript:alert(1)")).toBe(null);
    expect(safeHref("//evil.example")).toBe(null);
    expect(safeHref("/g/abc")).toBe("/g/abc");
  });
  test("`@` and `/` ask, dates and addresses do not", () => {
    expect(question(new Pen().type("bonjour @ma").state)).toMatchObject({ sign: "@", query: "ma" });
    expect(question(new Pen().type("/ti").state)).toMatchObject({ sign: "/", query: "ti" });
    expect(question(new Pen().type("le 12/11").state)).toBe(null);
    expect(question(new Pen().type("ann@maison").state)).toBe(null);
  });
});

describe("pasted Markdown", () => {
  test("keeps its form", () => {
    const slice = fromMarkdown("# Titre\n\nUn **mot** et [lien](https://a.fr).\n\n- a\n  - b\n- [x] c\n\n```\nlet a;\n```\n---\n> d");
    const lines: string[] = [];
    slice?.content.forEach((node) => lines.push(`${kindOf(node) ?? node.type.name}${"·".repeat((node.attrs["parents"] as string[]).length)}:${node.textContent}`));
    expect(lines).toEqual(["h1:Titre", "text:Un mot et lien.", "bullet:a", "bullet·:b", "todo:c", "code:let a;", "divider:", "quote:d"]);
  });
  test("plain text stays plain text", () => {
    expect(fromMarkdown("Bonjour,\nà demain.")).toBe(null);
  });
});
