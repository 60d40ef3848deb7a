/** Lines and pictures that are more than their markup: a box that can be ticked, a picture that may not be here yet. */

import type { Node } from "prosemirror-model";
import type { EditorView, NodeView, NodeViewConstructor } from "prosemirror-view";
import { check } from "./commands";
import { depthOf, pictureAddress, schema } from "./schema";

export interface NodeWords {
  done: string;
  pictureMissing: string;
}

/** A list item; a to-do has its box. */
class ItemView implements NodeView {
  readonly dom: HTMLElement;
  readonly contentDOM: HTMLElement;
  readonly #item: HTMLElement;
  readonly #box: HTMLInputElement | null = null;
  readonly #kind: string;

  constructor(node: Node, view: EditorView, getPos: () => number | undefined, words: () => NodeWords) {
    this.#kind = String(node.attrs["kind"]);
    this.dom = document.createElement(this.#kind === "ordered" ? "ol" : "ul");
    this.#item = document.createElement("li");
    this.contentDOM = document.createElement("div");
    if (this.#kind === "todo") {
      const box = document.createElement("input");
      box.type = "checkbox";
      box.contentEditable = "false";
      box.setAttribute("aria-label", words().done);
      box.addEventListener("mousedown", (event) => event.stopPropagation());
      box.addEventListener("change", () => {
        const pos = getPos();
        if (pos === undefined || !view.editable) box.checked = !box.checked;
        else view.dispatch(check(view.state.tr, pos, box.checked ? "done" : "open"));
      });
      this.#item.append(box);
      this.#box = box;
    }
    this.#item.append(this.contentDOM);
    this.dom.append(this.#item);
    this.#show(node, view.editable);
  }

  #show(node: Node, editable: boolean): void {
    this.dom.className = `item ${this.#kind}`;
    this.dom.dataset["depth"] = String(depthOf(node));
    if (this.#box === null) return;
    this.#box.checked = node.attrs["checked"] === true;
    this.#box.disabled = !editable;
    this.dom.classList.toggle("done", this.#box.checked);
  }

  update(node: Node): boolean {
    if (node.type !== schema.nodes.list_item || node.attrs["kind"] !== this.#kind) return false;
    this.#show(node, this.#box === null || !this.#box.disabled);
    return true;
  }
  stopEvent(event: Event): boolean {
    return event.target === this.#box;
  }
  ignoreMutation(record: { type: string; target: globalThis.Node }): boolean {
    return record.type !== "selection" && !this.contentDOM.contains(record.target);
  }
}

/** A picture that is on its way from another site is looked for so often, with pauses that double. */
const LOOKS_MAX = 6;
const PAUSE_MS = 2_000;

/** A picture; one that this site does not have yet says so, and shows once it has come. */
class PictureView implements NodeView {
  readonly dom: HTMLElement;
  #looks = 0;
  #again: ReturnType<typeof setTimeout> | undefined;
  readonly #picture = document.createElement("img");
  readonly #words: () => NodeWords;

  constructor(node: Node, words: () => NodeWords) {
    this.#words = words;
    this.dom = document.createElement("span");
    this.dom.className = "picture";
    this.#picture.draggable = true;
    this.#picture.addEventListener("error", () => this.#missing());
    this.#picture.addEventListener("load", () => {
      delete this.dom.dataset["missing"];
    });
    this.dom.append(this.#picture);
    this.#show(node);
  }
  #show(node: Node): void {
    const { blob, name, alt } = node.attrs as { blob: string; name: string; alt: string };
    this.#picture.alt = alt || name;
    this.#picture.src = pictureAddress(blob, name);
  }
  #missing(): void {
    this.dom.dataset["missing"] = this.#words().pictureMissing;
    if (this.#looks >= LOOKS_MAX) return;
    const address = this.#picture.src;
    this.#again = setTimeout(() => {
      this.#picture.removeAttribute("src");
      this.#picture.src = address;
    }, PAUSE_MS * 2 ** this.#looks);
    this.#looks += 1;
  }
  destroy(): void {
    clearTimeout(this.#again);
  }
  update(node: Node): boolean {
    if (node.type !== schema.nodes.image) return false;
    this.#show(node);
    return true;
  }
  ignoreMutation(): boolean {
    return true;
  }
}

export function nodeViews(words: () => NodeWords): Record<string, NodeViewConstructor> {
  return {
    list_item: (node, view, getPos) => new ItemView(node, view, getPos, words),
    image: (node) => new PictureView(node, words),
  };
}
