/**
 * Between the text that sites exchange (characters, line markers, marks) and what ProseMirror shows. Both ways are total:
 * whatever the merged text holds is shown, and what is shown is written back the same.
 */

import { ImmutableString, type MarkSet, type MarkValue, type MaterializeValue, type Span, type UpdateSpansConfig } from "@automerge/automerge/slim";
import { Fragment, type Mark, type Node } from "prosemirror-model";
import { schema, type ListKind } from "./schema";

/** Where the text lies in a document. */
export const TEXT = ["text"];

/** Typing after bold stays bold; after a link or a name it does not. */
export const EXPAND: UpdateSpansConfig = { defaultExpand: "after", perMarkExpand: { link: "none", mention: "none" } };
export const expandOf = (mark: string): "after" | "none" => (mark === "link" || mark === "mention" ? "none" : "after");

/** One line: where it lies in both worlds. */
export interface Line {
  /** Position of its node in the shown document. */
  pm: number;
  /** Index of its first character in the text, after its marker. */
  am: number;
  /** Whether a marker stands before it in the text. */
  marked: boolean;
  /** How much it holds, the same in both. */
  length: number;
}
export interface Reading {
  doc: Node;
  lines: Line[];
}

const LISTS: Record<string, ListKind> = { "unordered-list-item": "bullet", "ordered-list-item": "ordered", "todo-item": "todo" };
export const LIST_NAMES: Record<ListKind, string> = { bullet: "unordered-list-item", ordered: "ordered-list-item", todo: "todo-item" };

type Raw = { type: string; parents: string[]; attrs: Record<string, unknown>; embed: boolean };
type Draft = { raw: Raw | null; am: number; marked: boolean; inline: Node[] };

const words = (value: unknown): string => (typeof value === "string" ? value : value instanceof ImmutableString ? value.val : "");

function rawOf(value: Record<string, MaterializeValue>): Raw {
  const attrs: Record<string, unknown> = {};
  const given = value["attrs"];
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    for (const [key, one] of Object.entries(given)) attrs[key] = one instanceof ImmutableString ? one.val : one;
  }
  const parents = Array.isArray(value["parents"]) ? value["parents"].map(words).filter((one) => one !== "") : [];
  return { type: words(value["type"]) || "paragraph", parents, attrs, embed: value["isEmbed"] === true };
}

/** The attributes beside those that this version knows; nothing when there are none. */
function more(attrs: Record<string, unknown>, ...known: string[]): Record<string, unknown> | null {
  const rest = Object.entries(attrs).filter(([key]) => !known.includes(key));
  return rest.length === 0 ? null : Object.fromEntries(rest);
}

function embedNode(raw: Raw): Node {
  if (raw.type !== "image") return schema.node("unknown_embed", { raw });
  const { blob, name, alt } = raw.attrs;
  return schema.node("image", { blob: words(blob), name: words(name), alt: words(alt), more: more(raw.attrs, "blob", "name", "alt") });
}

function lineNode({ raw, inline }: Draft): Node {
  if (raw === null) return schema.node("paragraph", null, inline);
  const { type, parents, attrs } = raw;
  const list = LISTS[type];
  if (list !== undefined) {
    const checked = list === "todo" && attrs["checked"] === true;
    return schema.node("list_item", { kind: list, checked, parents, more: more(attrs, ...(list === "todo" ? ["checked"] : [])) }, inline);
  }
  switch (type) {
    case "paragraph":
      return schema.node("paragraph", { parents, more: more(attrs) }, inline);
    case "heading": {
      const level = typeof attrs["level"] === "number" ? Math.max(1, Math.round(attrs["level"])) : 2;
      return schema.node("heading", { level, parents, more: more(attrs, "level") }, inline);
    }
    case "blockquote":
      return schema.node("quote", { parents, more: more(attrs) }, inline);
    case "code-block":
      return schema.node("code_block", { parents, more: more(attrs) }, inline);
    case "divider":
      return schema.node("divider", { parents, more: more(attrs) });
    default:
      return schema.node("unknown", { raw: type, parents, more: more(attrs) }, inline);
  }
}

function marksOf(set: MarkSet | undefined): Mark[] {
  if (set === undefined) return [];
  const marks: Mark[] = [];
  const unknown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(set)) {
    if (value === null || value === false) continue;
    if (name === "link") {
      marks.push(schema.mark("link", linkOf(value)));
    } else if (name === "mention") marks.push(schema.mark("mention", { id: words(value) }));
    else if (name === "strong" || name === "em" || name === "strike" || name === "code") marks.push(schema.mark(name));
    else unknown[name] = value;
  }
  if (Object.keys(unknown).length > 0) marks.push(schema.mark("unknown_mark", { raw: unknown }));
  return marks;
}

function linkOf(value: MarkValue): { href: string; title: string } {
  try {
    const { href, title } = JSON.parse(words(value)) as { href?: unknown; title?: unknown };
    return { href: words(href), title: words(title) };
  } catch {
    return { href: "", title: "" };
  }
}

/** The shown document of a text, and where each of its lines lies. */
export function read(spans: readonly Span[]): Reading {
  const drafts: Draft[] = [];
  let am = 0;
  const open = (raw: Raw | null): Draft => {
    const draft: Draft = { raw, am, marked: raw !== null, inline: [] };
    drafts.push(draft);
    return draft;
  };
  /** The line that takes text or a picture here; one without a marker where the last cannot. */
  const taking = (what: "text" | "embed"): Draft => {
    const last = drafts.at(-1);
    const closed = last === undefined || last.raw?.type === "divider" || (what === "embed" && last.raw?.type === "code-block");
    return closed ? open(null) : last;
  };
  for (const span of spans) {
    if (span.type === "text") {
      if (span.value === "") continue;
      const draft = taking("text");
      draft.inline.push(schema.text(span.value, draft.raw?.type === "code-block" ? [] : marksOf(span.marks)));
      am += span.value.length;
    } else {
      const raw = rawOf(span.value);
      if (raw.embed) {
        const draft = taking("embed");
        draft.inline.push(embedNode(raw));
        am += 1;
      } else {
        am += 1;
        open(raw);
      }
    }
  }
  if (drafts.length === 0) open(null);
  const children: Node[] = [];
  const lines: Line[] = [];
  let pm = 0;
  for (const draft of drafts) {
    const node = lineNode(draft);
    children.push(node);
    lines.push({ pm, am: draft.am, marked: draft.marked, length: node.content.size });
    pm += node.nodeSize;
  }
  return { doc: schema.node("doc", null, Fragment.from(children)), lines };
}

const scalar = (value: unknown): MaterializeValue => (typeof value === "string" ? new ImmutableString(value) : (value as MaterializeValue));

function marker(type: string, parents: string[], attrs: Record<string, unknown>, isEmbed: boolean): Span {
  const values: Record<string, MaterializeValue> = {};
  for (const [key, value] of Object.entries(attrs)) values[key] = scalar(value);
  return { type: "block", value: { type: new ImmutableString(type), parents: parents.map((one) => new ImmutableString(one)), attrs: values, isEmbed } };
}

function lineMarker(node: Node): Span {
  const parents = (node.attrs["parents"] as string[] | undefined) ?? [];
  const rest = (node.attrs["more"] as Record<string, unknown> | null) ?? {};
  switch (node.type.name) {
    case "heading":
      return marker("heading", parents, { ...rest, level: node.attrs["level"] as number }, false);
    case "list_item": {
      const kind = node.attrs["kind"] as ListKind;
      return marker(LIST_NAMES[kind], parents, kind === "todo" ? { ...rest, checked: node.attrs["checked"] === true } : rest, false);
    }
    case "quote":
      return marker("blockquote", parents, rest, false);
    case "code_block":
      return marker("code-block", parents, rest, false);
    case "divider":
      return marker("divider", parents, rest, false);
    case "unknown":
      return marker(String(node.attrs["raw"]), parents, rest, false);
    default:
      return marker("paragraph", parents, rest, false);
  }
}

function embedMarker(node: Node): Span {
  if (node.type.name === "image") {
    const { blob, name, alt } = node.attrs as { blob: string; name: string; alt: string };
    const rest = (node.attrs["more"] as Record<string, unknown> | null) ?? {};
    return marker("image", [], { ...rest, blob, name, alt }, true);
  }
  const raw = node.attrs["raw"] as Raw | null;
  return marker(raw?.type ?? "unknown", raw?.parents ?? [], raw?.attrs ?? {}, true);
}

/** Marks as the text holds them. */
export function markValues(marks: readonly Mark[]): Record<string, MarkValue> {
  const values: Record<string, MarkValue> = {};
  for (const mark of marks) {
    const { name } = mark.type;
    if (name === "unknown_mark") Object.assign(values, mark.attrs["raw"] as Record<string, MarkValue>);
    else values[name] = markValue(mark);
  }
  return values;
}

export function markValue(mark: Mark): MarkValue {
  if (mark.type.name === "link") return JSON.stringify({ href: mark.attrs["href"] as string, title: mark.attrs["title"] as string });
  return mark.type.name === "mention" ? (mark.attrs["id"] as string) : true;
}

/** A first paragraph without a marker stays without one, so that two people who begin an empty page at once write one line. */
function needsNoMarker(doc: Node, first: Node): boolean {
  const plain = first.type.name === "paragraph" && (first.attrs["parents"] as string[]).length === 0 && first.attrs["more"] === null;
  return plain && (first.content.size > 0 || doc.childCount === 1);
}

/** The text of a shown document. `openStart`: the text so far begins without a marker. */
export function write(doc: Node, openStart: boolean): Span[] {
  const spans: Span[] = [];
  doc.forEach((node, _offset, index) => {
    if (!(index === 0 && openStart && needsNoMarker(doc, node))) spans.push(lineMarker(node));
    node.forEach((child) => {
      if (child.isText) spans.push({ type: "text", value: child.text ?? "", marks: markValues(child.marks) });
      else spans.push(embedMarker(child));
    });
  });
  return spans;
}

/** The line that a position of the shown document lies in. */
function lineAt(lines: readonly Line[], pm: number): Line | undefined {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lines[middle]?.pm ?? 0) <= pm) low = middle;
    else high = middle - 1;
  }
  return lines[low];
}

/** Index in the text of a position of the shown document. */
export function toText({ lines }: Reading, pm: number): number {
  const line = lineAt(lines, pm);
  if (line === undefined) return 0;
  return line.am + Math.max(0, Math.min(line.length, pm - line.pm - 1));
}

/** Position in the shown document of an index in the text; an index at a marker is the end of the line before. */
export function toShown({ lines }: Reading, am: number): number {
  let found = lines[0];
  for (const line of lines) {
    if (line.am > am) break;
    found = line;
  }
  if (found === undefined) return 0;
  return found.pm + 1 + Math.max(0, Math.min(found.length, am - found.am));
}
