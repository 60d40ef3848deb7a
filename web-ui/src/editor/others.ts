/** What is drawn over the text: where others are, what is commented, who wrote what. */

import { Plugin, PluginKey, type EditorState } from "prosemirror-state";
import { Decoration, DecorationSet } from "prosemirror-view";

export interface Other {
  session: string;
  /** "Marc · Lille" */
  label: string;
  /** Number of the person's colour. */
  hue: number;
  anchor: number;
  head: number;
}
export interface Stretch {
  from: number;
  to: number;
  class: string;
  /** A comment's id. */
  comment?: string;
  title?: string;
}
export interface Drawing {
  others: Other[];
  stretches: Stretch[];
}

const nothing: Drawing = { others: [], stretches: [] };
const key = new PluginKey<{ drawing: Drawing; set: DecorationSet }>("page-others");

function caret({ label, hue }: Other): HTMLElement {
  const mark = document.createElement("span");
  mark.className = `caret who-${hue}`;
  mark.contentEditable = "false";
  const flag = document.createElement("span");
  // Drawn, not written: a name is no part of the text.
  flag.dataset["label"] = label;
  flag.className = "flag";
  mark.append(flag);
  // Who is here is said in the list of people; a screen reader reads the text without names in it.
  mark.ariaHidden = "true";
  return mark;
}

function decorate(state: EditorState, { others, stretches }: Drawing): DecorationSet {
  const size = state.doc.content.size;
  const inside = (pos: number): number => Math.max(0, Math.min(size, pos));
  const list: Decoration[] = [];
  for (const one of stretches) {
    const [from, to] = [inside(one.from), inside(one.to)];
    if (from >= to) continue;
    const attrs: Record<string, string> = { class: one.class };
    if (one.comment !== undefined) attrs["data-comment"] = one.comment;
    if (one.title !== undefined) attrs["title"] = one.title;
    list.push(Decoration.inline(from, to, attrs));
  }
  for (const one of others) {
    const head = inside(one.head);
    const anchor = inside(one.anchor);
    if (head !== anchor) list.push(Decoration.inline(Math.min(head, anchor), Math.max(head, anchor), { class: `picked who-${one.hue}` }));
    list.push(Decoration.widget(head, () => caret(one), { side: 1, key: `${one.session}:${one.label}`, ignoreSelection: true }));
  }
  return DecorationSet.create(state.doc, list);
}

export function othersPlugin(): Plugin {
  return new Plugin({
    key,
    state: {
      init: () => ({ drawing: nothing, set: DecorationSet.empty }),
      apply(tr, value, _old, state) {
        const drawing = tr.getMeta(key) as Drawing | undefined;
        if (drawing !== undefined) return { drawing, set: decorate(state, drawing) };
        return tr.docChanged ? { ...value, set: value.set.map(tr.mapping, tr.doc) } : value;
      },
    },
    props: { decorations: (state) => key.getState(state)?.set ?? DecorationSet.empty },
  });
}

/** Says what is to be drawn from now on. */
export function draw(state: EditorState, drawing: Drawing) {
  return state.tr.setMeta(key, drawing).setMeta("addToHistory", false);
}
