/**
 * What a page can hold, for ProseMirror: a flat list of lines, so that every state two people can bring about has one meaning.
 *
 * Lists are lines with a depth, not nested nodes: a marker that somebody deletes elsewhere never leaves a broken tree.
 */

import { Schema, type DOMOutputSpec, type Mark, type Node, type NodeSpec } from "prosemirror-model";

/** Deeper than this nobody reads. */
export const DEPTH_MAX = 6;

/** `parents`: kinds of the lines that this one lies in; `more`: what a newer version wrote beside, kept as it is. */
const line = { parents: { default: [] as string[] }, more: { default: null as Record<string, unknown> | null } };
const KINDS = { bullet: "ul", ordered: "ol", todo: "ul" } as const;
export type ListKind = keyof typeof KINDS;

export function depthOf(node: Node): number {
  return Math.min(DEPTH_MAX, (node.attrs["parents"] as string[] | undefined)?.length ?? 0);
}

/** The kinds of the lists around an element that is pasted, outermost first. */
function listsAround(element: HTMLElement): string[] {
  const found: string[] = [];
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (at.nodeName === "UL" || at.nodeName === "OL") found.unshift(at.nodeName === "UL" ? "unordered-list-item" : "ordered-list-item");
  }
  return found.slice(0, DEPTH_MAX);
}

function listItem(element: HTMLElement): Record<string, unknown> {
  const lists = listsAround(element);
  const box = element.querySelector<HTMLInputElement>(":scope > input[type=checkbox], :scope > label > input[type=checkbox], :scope > p > input[type=checkbox]");
  const own = element.dataset["kind"];
  const kind = own === "todo" || box !== null ? "todo" : lists.at(-1) === "ordered-list-item" ? "ordered" : "bullet";
  const depth = Number(element.dataset["depth"] ?? Math.max(0, lists.length - 1));
  const parents = element.dataset["depth"] === undefined ? lists.slice(0, -1) : new Array<string>(Math.min(depth, DEPTH_MAX)).fill("unordered-list-item");
  return { kind, checked: box?.checked ?? element.dataset["checked"] === "true", parents };
}

const nodes = {
  doc: { content: "block+" },
  paragraph: {
    content: "inline*",
    group: "block",
    attrs: { ...line },
    parseDOM: [{ tag: "p" }, { tag: "dt" }, { tag: "dd" }, { tag: "figcaption" }],
    toDOM: (node) => ["p", { class: (node.attrs["parents"] as string[]).includes("blockquote") ? "quote" : null, "data-depth": depthOf(node) || null }, 0],
  },
  heading: {
    content: "inline*",
    group: "block",
    defining: true,
    attrs: { ...line, level: { default: 2 } },
    // A page's title is its only h1: the first level of the text stands below it.
    // What was copied from a page comes back at its own level, what comes from elsewhere at the level it had there.
    parseDOM: [
      ...[1, 2, 3].map((level) => ({ tag: `h${level + 1}.level-${level}`, attrs: { level } })),
      ...[1, 2, 3, 4, 5, 6].map((level) => ({ tag: `h${level}`, attrs: { level: Math.min(3, level) } })),
    ],
    toDOM: (node) => [`h${Math.min(4, Number(node.attrs["level"]) + 1)}`, { class: `level-${Math.min(3, Number(node.attrs["level"]))}` }, 0],
  },
  list_item: {
    content: "inline*",
    group: "block",
    defining: true,
    attrs: { ...line, kind: { default: "bullet" as ListKind }, checked: { default: false } },
    parseDOM: [{ tag: "li", getAttrs: listItem }],
    toDOM: (node): DOMOutputSpec => {
      const { kind, checked } = node.attrs as { kind: ListKind; checked: boolean };
      const at = { class: `item ${kind}`, "data-depth": depthOf(node) };
      return [KINDS[kind], at, ["li", { "data-kind": kind, "data-checked": kind === "todo" ? String(checked) : null, "data-depth": depthOf(node) }, 0]];
    },
  },
  quote: {
    content: "inline*",
    group: "block",
    defining: true,
    attrs: { ...line },
    parseDOM: [{ tag: "blockquote" }],
    toDOM: () => ["blockquote", 0],
  },
  code_block: {
    content: "text*",
    marks: "",
    group: "block",
    code: true,
    defining: true,
    attrs: { ...line },
    parseDOM: [{ tag: "pre", preserveWhitespace: "full" }],
    toDOM: () => ["pre", { spellcheck: "false" }, ["code", 0]],
  },
  divider: {
    group: "block",
    attrs: { ...line },
    parseDOM: [{ tag: "hr" }],
    toDOM: () => ["hr"],
  },
  /** A line of a kind that this version does not know: shown as text, written back as it came. */
  unknown: {
    content: "inline*",
    group: "block",
    attrs: { ...line, raw: { default: "" } },
    toDOM: () => ["p", 0],
  },
  text: { group: "inline" },
  image: {
    inline: true,
    group: "inline",
    draggable: true,
    attrs: { blob: { default: "" }, name: { default: "" }, alt: { default: "" }, more: { default: null } },
    parseDOM: [
      {
        tag: "img[data-blob]",
        getAttrs: (element) => ({ blob: element.dataset["blob"] ?? "", name: element.dataset["name"] ?? "", alt: element.getAttribute("alt") ?? "" }),
      },
    ],
    toDOM: (node) => {
      const { blob, name, alt } = node.attrs as { blob: string; name: string; alt: string };
      return ["img", { src: pictureAddress(blob, name), "data-blob": blob, "data-name": name, alt: alt || name }];
    },
  },
  unknown_embed: {
    inline: true,
    group: "inline",
    attrs: { raw: { default: null } },
    toDOM: () => ["span", { class: "unknown" }, "\u25A1"],
  },
} satisfies Record<string, NodeSpec>;

/** Where a picture of a page is read. */
export function pictureAddress(blob: string, name: string): string {
  return `/api/v1/files/${encodeURIComponent(blob)}/${encodeURIComponent(name || "image")}`;
}

/** Addresses that a link may lead to; anything else is text. */
export function safeHref(href: string): string | null {
  const trimmed = href.trim();
  if (/^(https?:|mailto:|tel:)/i.test(trimmed)) return trimmed;
  return /^\/(?!\/)/.test(trimmed) ? trimmed : null;
}

const plain = (tag: string, ...also: string[]) => ({
  parseDOM: [tag, ...also].map((one) => ({ tag: one })),
  toDOM: (): DOMOutputSpec => [tag, 0],
});

export const schema = new Schema({
  nodes,
  marks: {
    link: {
      attrs: { href: {}, title: { default: "" } },
      inclusive: false,
      parseDOM: [
        {
          tag: "a[href]",
          getAttrs: (element) => {
            const href = safeHref(element.getAttribute("href") ?? "");
            return href === null ? false : { href, title: element.getAttribute("title") ?? "" };
          },
        },
      ],
      toDOM: (mark) => ["a", { href: safeHref(String(mark.attrs["href"])) ?? "#", title: String(mark.attrs["title"]) || null, rel: "noopener noreferrer nofollow" }, 0],
    },
    mention: {
      attrs: { id: {} },
      inclusive: false,
      parseDOM: [{ tag: "span[data-mention]", getAttrs: (element) => ({ id: element.dataset["mention"] ?? "" }) }],
      toDOM: (mark) => ["span", { class: "mention", "data-mention": String(mark.attrs["id"]) }, 0],
    },
    em: {
      parseDOM: [{ tag: "i" }, { tag: "em" }, { style: "font-style=italic" }, { style: "font-style=normal", clearMark: named("em") }],
      toDOM: () => ["em", 0],
    },
    strong: {
      parseDOM: [
        { tag: "strong" },
        { tag: "b" },
        { style: "font-weight=400", clearMark: named("strong") },
        { style: "font-weight", getAttrs: (value) => (/^(bold(er)?|[6-9]\d{2})$/.test(value) ? null : false) },
      ],
      toDOM: () => ["strong", 0],
    },
    strike: { ...plain("s", "del", "strike"), parseDOM: [{ tag: "s" }, { tag: "del" }, { tag: "strike" }, { style: "text-decoration=line-through" }, { style: "text-decoration-line=line-through" }] },
    code: { ...plain("code"), code: true },
    /** Marks that this version does not know, kept. */
    unknown_mark: { attrs: { raw: { default: null } }, toDOM: (): DOMOutputSpec => ["span", 0] },
  },
});

function named(name: string): (mark: Mark) => boolean {
  return (mark) => mark.type.name === name;
}
