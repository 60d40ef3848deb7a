/** Pages as last seen: the lists of groups, and one copy of each page that is open. */

import { SvelteMap } from "svelte/reactivity";
import * as calls from "../api/pages";
import { page as list_of } from "../api/schema/decode";
import { page_ref, page_view, type PageRef, type PageView, type Template } from "../api/schema/page";
import { get, put, remove } from "../lib/db";
import { requestId } from "../lib/ids";
import { isCut } from "./connection.svelte";

export { TEMPLATES } from "../api/schema/page";
export type { AuthorSpan, Comparison, PageComment, PageRef, PageReply, PageVersion, PageView, Template, VersionText } from "../api/schema/page";
export {
  compareVersions,
  deletePageComment,
  exportPage,
  getAuthors,
  getPageComments,
  getVersion,
  getVersions,
} from "../api/pages";

const PAGE = 30;
/** Notices of a page that is written come once a second: lists look again less often. */
const LIST_PAUSE_MS = 2_000;
/** Pages that can be opened without the site: older ones make room. */
const KEPT_MAX = 30;
const KEPT = "pages-kept";

const views = new SvelteMap<string, PageView>();
const watched = new Map<string, Set<() => void>>();
const comments = new Map<string, Set<() => void>>();

export class PageList {
  items = $state<PageRef[]>([]);
  next = $state<string | null>(null);
  loaded = $state(false);
  loading = $state(false);
  /** Shown from what this browser keeps. */
  kept = $state(false);
  error = $state<unknown>(null);
  shown = false;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly group: string,
    readonly trash: boolean,
  ) {}

  get #key(): string {
    return `pages:${this.group}:${this.trash ? "trash" : "all"}`;
  }

  async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      const first = await calls.getPages(this.group, { limit: PAGE, ...(this.trash ? { deleted: 1 } : {}) });
      const fresh = new Set(first.items.map((one) => one.id));
      const overlap = !this.kept && this.items.some((one) => fresh.has(one.id)) && this.items.length > PAGE;
      this.items = overlap ? [...first.items, ...this.items.filter((one) => !fresh.has(one.id))] : first.items;
      if (!overlap) this.next = first.next;
      this.loaded = true;
      this.kept = false;
      this.error = null;
      void put("cache", this.#key, first);
    } catch (error) {
      this.error = error;
      if (!this.loaded) await this.#fromCupboard();
    } finally {
      this.loading = false;
    }
  }

  async #fromCupboard(): Promise<void> {
    try {
      const first = list_of(page_ref)(await get("cache", this.#key), "kept pages");
      this.items = first.items;
      this.next = null;
      this.kept = true;
      this.loaded = true;
    } catch {
      // Nothing kept here: the error is shown instead.
    }
  }

  async more(): Promise<void> {
    if (this.next === null || this.loading || isCut()) return;
    this.loading = true;
    try {
      const older = await calls.getPages(this.group, { before: this.next, limit: PAGE, ...(this.trash ? { deleted: 1 } : {}) });
      const known = new Set(this.items.map((one) => one.id));
      this.items = [...this.items, ...older.items.filter((one) => !known.has(one.id))];
      this.next = older.next;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }

  moved(): void {
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      if (this.shown) void this.load();
    }, LIST_PAUSE_MS);
  }
}

const lists = new Map<string, PageList>();
export function pagesOf(group: string, trash: boolean): PageList {
  const key = `${group}:${trash ? "trash" : "all"}`;
  const known = lists.get(key) ?? new PageList(group, trash);
  lists.set(key, known);
  return known;
}

/** Pages that this browser knows of, for the palette. */
export function knownPages(): PageRef[] {
  const found = new Map<string, PageRef>();
  for (const list of lists.values()) for (const one of list.items) found.set(one.id, one);
  for (const one of views.values()) found.set(one.id, one);
  return [...found.values()].filter((one) => !one.deleted);
}

export function pageView(id: string): PageView | undefined {
  return views.get(id);
}

function keep(view: PageView): PageView {
  views.set(view.id, view);
  void put("cache", `page:${view.id}`, view);
  return view;
}

/** Reads a page; what this browser keeps serves when the site does not answer. */
export async function loadPage(id: string): Promise<PageView> {
  try {
    return keep(await calls.getPage(id));
  } catch (error) {
    if (!isCut()) throw error;
    let kept: PageView;
    try {
      kept = page_view(await get("cache", `page:${id}`), "kept page");
    } catch {
      throw error;
    }
    views.set(id, kept);
    return kept;
  }
}

/** Called when the page was renamed, changed or deleted somewhere, until the returned function is called. */
export function watchPage(id: string, run: () => void): () => void {
  return listen(watched, id, run);
}
export function watchComments(id: string, run: () => void): () => void {
  return listen(comments, id, run);
}
function listen(all: Map<string, Set<() => void>>, id: string, run: () => void): () => void {
  const some = all.get(id) ?? new Set();
  some.add(run);
  all.set(id, some);
  return () => {
    some.delete(run);
    if (some.size === 0) all.delete(id);
  };
}

export function pageMoved(group: string, id: string): void {
  lists.get(`${group}:all`)?.moved();
  lists.get(`${group}:trash`)?.moved();
  for (const run of watched.get(id) ?? []) run();
}
export function pageCommentsMoved(id: string): void {
  for (const run of comments.get(id) ?? []) run();
}
/** After a gap too long to replay. */
export function reloadPages(): void {
  for (const list of lists.values()) if (list.shown) void list.load();
  for (const some of [watched, comments]) for (const runs of some.values()) for (const run of runs) run();
}

export async function createPage(group: string, body: { title: string; icon?: string; template?: Template; markdown?: string }): Promise<PageView> {
  return keep(await calls.createPage(group, { request_id: requestId(), ...body }));
}
export async function renamePage(id: string, change: { title?: string; icon?: string }): Promise<PageView> {
  return keep(await calls.patchPage(id, { request_id: requestId(), ...change }));
}
export async function deletePage(id: string): Promise<void> {
  await calls.deletePage(id);
  const view = views.get(id);
  if (view) views.set(id, { ...view, deleted: true });
  await remove("cache", `page:${id}`);
}
/** Nothing of an erased page stays in this browser. */
export async function dropPage(id: string): Promise<void> {
  views.delete(id);
  await Promise.all([remove("cache", `page:${id}`), remove("cache", `document:${id}`)]);
}
export async function restorePage(id: string): Promise<PageView> {
  return keep(await calls.restorePage(id, requestId()));
}
export async function restoreVersion(id: string, version: string): Promise<PageView> {
  return keep(await calls.restoreVersion(id, version, requestId()));
}
export const createPageComment = (id: string, body: { anchor: { start: string; end: string }; quote: string; text: string }) =>
  calls.createPageComment(id, { request_id: requestId(), ...body });
export const replyToPageComment = (id: string, text: string) => calls.replyToPageComment(id, requestId(), text);
export const editPageComment = (id: string, text: string) => calls.editPageComment(id, requestId(), text);
export const resolvePageComment = (id: string, resolved: "resolved" | "open") => calls.resolvePageComment(id, requestId(), resolved === "resolved");

/** Keeps a page's document in this browser, so that it can be read and written while the site is away. */
export async function keepDocument(id: string, bytes: Uint8Array): Promise<void> {
  const known = await get("cache", KEPT);
  const kept = Array.isArray(known) ? known.filter((one): one is string => typeof one === "string" && one !== id) : [];
  for (const old of kept.slice(KEPT_MAX - 1)) await Promise.all([remove("cache", `document:${old}`), remove("cache", `page:${old}`)]);
  await put("cache", KEPT, [id, ...kept.slice(0, KEPT_MAX - 1)]);
  await put("cache", `document:${id}`, bytes);
}
export async function keptDocument(id: string): Promise<Uint8Array | null> {
  const kept = await get("cache", `document:${id}`);
  return kept instanceof Uint8Array ? kept : null;
}
