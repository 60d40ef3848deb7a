/** What is pasted from word processors, mail and web pages, brought into the shape of a page before it is read. */

import { DOMParser, Fragment, Slice, type Node, type ParseOptions } from "prosemirror-model";
import { schema } from "./schema";

const BLOCKS = "p,div,ul,ol,li,h1,h2,h3,h4,h5,h6,blockquote,pre,table,hr,section,article,header,footer,figure,dl,dt,dd";

function rename(element: Element, name: string): HTMLElement {
  const fresh = element.ownerDocument.createElement(name);
  fresh.append(...element.childNodes);
  element.replaceWith(fresh);
  return fresh;
}

/** Word writes lists as paragraphs with a style that names the level, and the sign as text. */
function wordLists(root: Element): void {
  for (const line of root.querySelectorAll<HTMLElement>("p[data-style*='mso-list'], p[class*='MsoListParagraph'], p[class*='MsoListBullet'], p[class*='MsoListNumber']")) {
    const level = Number(/level(\d+)/.exec(line.dataset["style"] ?? "")?.[1] ?? 1);
    const sign = line.querySelector<HTMLElement>("span[data-style*='mso-list']") ?? null;
    const text = (sign ?? line).textContent.trim();
    const ordered = /^[\da-zA-Z]{1,3}[.)]/.test(text) || line.className.includes("MsoListNumber");
    if (sign !== null) sign.remove();
    else {
      const first = line.ownerDocument.createTreeWalker(line, 4).nextNode();
      if (first !== null) first.textContent = (first.textContent ?? "").replace(/^\s*(?:[·•o§▪–-]|\d{1,3}[.)])\s+/u, "");
    }
    const item = rename(line, "li");
    let place: Element = item;
    for (let depth = 0; depth < Math.max(1, level); depth++) {
      const list = item.ownerDocument.createElement(ordered ? "ol" : "ul");
      place.replaceWith(list);
      list.append(place);
      place = list;
    }
  }
}

/**
 * The page's policy refuses style attributes, even in markup that is only read: they are renamed before it is parsed,
 * and style sheets go.
 */
export function withoutStyles(html: string): string {
  return html.replace(/<style[\s\S]*?<\/style>/gi, "").replace(/<[a-z][^>]*>/gi, (tag) => tag.replace(/\sstyle\s*=/gi, " data-style="));
}

/** What styles say of a word, said by elements; some word processors wrap a whole paste in a bold element that is not bold. */
function styles(root: Element): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-style]")) {
    const style = (element.dataset["style"] ?? "").replace(/\s+/g, "").toLowerCase();
    if (element.matches("b, strong") && /font-weight:(normal|[1-4]00)/.test(style)) {
      element.replaceWith(...element.childNodes);
      continue;
    }
    if (!element.matches("span, a, p, li, font, td") || element.closest("pre, code") !== null) continue;
    const wraps = [
      /font-weight:(bold|[6-9]00)/.test(style) ? "strong" : "",
      /font-style:italic/.test(style) ? "em" : "",
      /text-decoration[a-z-]*:[^;]*line-through/.test(style) ? "s" : "",
    ].filter(Boolean);
    for (const name of wraps) {
      if (element.querySelector(BLOCKS) !== null) continue;
      const wrap = element.ownerDocument.createElement(name);
      wrap.append(...element.childNodes);
      element.append(wrap);
    }
  }
}

/** A quotation is one line: each block inside it becomes a quotation of its own. */
function quotes(root: Element): void {
  for (const outer of [...root.querySelectorAll("blockquote")].reverse()) {
    if (outer.querySelector(BLOCKS) === null) continue;
    const lines: HTMLElement[] = [];
    for (const child of [...outer.childNodes]) {
      if ((child.textContent ?? "").trim() === "") continue;
      const line = outer.ownerDocument.createElement("blockquote");
      if (child instanceof Element && child.matches(BLOCKS)) line.append(...child.childNodes);
      else line.append(child);
      lines.push(line);
    }
    outer.replaceWith(...lines);
  }
}

/** A list item holds one line of text, and lists below it. */
function items(root: Element): void {
  for (const item of root.querySelectorAll("li")) {
    for (const [index, block] of [...item.children].filter((child) => child.matches("p,div,h1,h2,h3,h4,h5,h6,section,blockquote")).entries()) {
      if (index > 0) block.before(item.ownerDocument.createTextNode(" "));
      block.replaceWith(...block.childNodes);
    }
  }
}

/** Pages hold no tables: each row is a line, its cells apart. */
function rows(root: Element): void {
  for (const table of root.querySelectorAll("table")) {
    const lines: HTMLElement[] = [];
    for (const row of table.querySelectorAll("tr")) {
      const line = table.ownerDocument.createElement("p");
      const cells = [...row.children].map((cell) => cell.textContent.replace(/\s+/g, " ").trim());
      line.textContent = cells.join(" | ");
      if (cells.some((cell) => cell !== "")) lines.push(line);
    }
    table.replaceWith(...lines);
  }
}

/** Line breaks inside a paragraph are paragraphs here. */
function breaks(root: Element): void {
  for (const line of root.querySelectorAll("p, h1, h2, h3, h4, h5, h6")) {
    while (line.querySelector(":scope > br") !== null && line.closest("li, pre") === null) {
      const mark = line.querySelector(":scope > br") as Element;
      const before = line.cloneNode(false) as Element;
      while (line.firstChild !== null && line.firstChild !== mark) before.append(line.firstChild);
      mark.remove();
      if (before.textContent.trim() !== "" || before.querySelector("img") !== null) line.before(before);
    }
  }
}

/** Brings a pasted tree into shape, in place. */
export function tidy(root: Element): void {
  for (const gone of root.querySelectorAll("script, style, meta, title, link, head, noscript, template, o\\:p")) {
    if (gone.matches("o\\:p") && gone.textContent.trim() !== "") gone.replaceWith(...gone.childNodes);
    else gone.remove();
  }
  wordLists(root);
  styles(root);
  rows(root);
  for (const block of root.querySelectorAll("div, section, article, header, footer, figure, dl")) {
    if (block.querySelector(BLOCKS) === null) rename(block, "p");
  }
  breaks(root);
  quotes(root);
  items(root);
  for (const picture of root.querySelectorAll("img:not([data-blob])")) {
    const words = picture.getAttribute("alt")?.trim() ?? "";
    picture.replaceWith(words === "" ? "" : `[${words}]`);
  }
}

class PasteParser extends DOMParser {
  override parseSlice(dom: globalThis.Node, options?: ParseOptions): Slice {
    if (dom instanceof Element) tidy(dom);
    return super.parseSlice(dom, options);
  }
}
export const pasteParser = new PasteParser(schema, DOMParser.fromSchema(schema).rules);

const LINE: [RegExp, (match: RegExpExecArray) => [keyof typeof schema.nodes, Record<string, unknown>]][] = [
  [/^(#{1,3})\s+/, (match) => ["heading", { level: match[1]?.length ?? 1 }]],
  [/^\s*[-*+]\s+\[( |x|X)\]\s+/, (match) => ["list_item", { kind: "todo", checked: match[1] !== " " }]],
  [/^\s*[-*+•]\s+/, () => ["list_item", { kind: "bullet" }]],
  [/^\s*\d{1,3}[.)]\s+/, () => ["list_item", { kind: "ordered" }]],
  [/^>\s?/, () => ["quote", {}]],
];

/** Plain text that is Markdown by its signs, line by line; nothing when it is just text. */
export function fromMarkdown(text: string): Slice | null {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const signs = lines.filter((line) => LINE.some(([pattern]) => pattern.test(line)) || /^(```|---\s*$)/.test(line)).length;
  if (signs === 0 || (signs === 1 && lines.length > 6)) return null;
  const nodes: Node[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (line.startsWith("```")) {
      const code: string[] = [];
      for (i += 1; i < lines.length && !(lines[i] ?? "").startsWith("```"); i++) code.push(lines[i] ?? "");
      nodes.push(schema.node("code_block", null, code.length === 0 ? [] : [schema.text(code.join("\n"))]));
    } else if (/^---\s*$/.test(line)) nodes.push(schema.node("divider"));
    else if (line.trim() !== "") nodes.push(markdownLine(line));
  }
  return new Slice(Fragment.from(nodes), 0, 0);
}

function markdownLine(line: string): Node {
  for (const [pattern, make] of LINE) {
    const match = pattern.exec(line);
    if (match === null) continue;
    const [name, attrs] = make(match);
    const depth = name === "list_item" ? Math.min(5, Math.floor(line.replaceAll("\t", "  ").search(/\S/) / 2)) : 0;
    return schema.node(String(name), { ...attrs, parents: new Array<string>(depth).fill("unordered-list-item") }, inlineOf(line.slice(match[0].length)));
  }
  return schema.node("paragraph", null, inlineOf(line.trim()));
}

const INLINE = /\*\*([^*]+)\*\*|__([^_]+)__|~~([^~]+)~~|`([^`]+)`|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:[^)\s]+)\)/g;

function inlineOf(text: string): Node[] {
  const nodes: Node[] = [];
  let at = 0;
  const plain = (end: number): void => {
    if (end > at) nodes.push(schema.text(text.slice(at, end)));
  };
  for (const match of text.matchAll(INLINE)) {
    plain(match.index);
    const [, strong, strong2, strike, code, em, words, href] = match;
    if (words !== undefined) nodes.push(schema.text(words, [schema.mark("link", { href })]));
    else if (strong !== undefined || strong2 !== undefined) nodes.push(schema.text(strong ?? strong2 ?? "", [schema.mark("strong")]));
    else if (strike !== undefined) nodes.push(schema.text(strike, [schema.mark("strike")]));
    else if (code !== undefined) nodes.push(schema.text(code, [schema.mark("code")]));
    else if (em !== undefined) nodes.push(schema.text(em, [schema.mark("em")]));
    at = match.index + match[0].length;
  }
  plain(text.length);
  return nodes;
}
