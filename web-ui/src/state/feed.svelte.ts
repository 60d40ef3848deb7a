/** One feed: what is shown, what has arrived meanwhile, and the way to older posts. */

import { getFeed, type FeedKind } from "../api/posts";
import { page } from "../api/schema/decode";
import { post as post_shape, type Post } from "../api/schema/post";
import { get, put } from "../lib/db";
import { isCut } from "./connection.svelte";
import { markRead } from "./groups.svelte";
import { keepPosts, loadPost, post, refreshKnown } from "./posts.svelte";

export type { FeedKind } from "../api/posts";

const PAGE = 20;
/** The node's own maximum for one page. */
const PAGE_MAX = 50;
/** Notices of delivery come in bursts: one look after each is enough. */
const DELIVERY_PAUSE_MS = 1500;
/** Feeds kept as they were left, so that going back shows what was being read. */
const FEEDS_MAX = 24;

export class Feed {
  ids = $state<string[]>([]);
  /** Arrived since, not yet shown. */
  fresh = $state<string[]>([]);
  next = $state<string | null>(null);
  loading = $state(false);
  loadingMore = $state(false);
  loaded = $state(false);
  /** Shown from what this browser keeps, not from the node. */
  kept = $state(false);
  error = $state<unknown>(null);
  shown = false;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(
    /** The group, or null for the home feed. */
    readonly group: string | null,
    readonly kind: FeedKind,
  ) {}

  get posts(): Post[] {
    return this.ids.map(post).filter((one) => one !== undefined);
  }

  get #key(): string {
    return `feed:${this.group ?? "home"}:${this.kind}`;
  }

  /** Reads the first page. What was shown stays below; what is new comes on top. */
  async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      const first = await getFeed(this.group, { limit: PAGE, kind: this.kind });
      keepPosts(first.items);
      const ids = first.items.map((one) => one.id);
      const overlap = this.ids.some((id) => ids.includes(id));
      // With nothing in common there may be a gap between the two: begin anew.
      if (this.loaded && !this.kept && overlap) {
        this.ids = [...ids, ...this.ids.filter((id) => !ids.includes(id))];
      } else {
        this.ids = ids;
        this.next = first.next;
      }
      this.fresh = [];
      this.kept = false;
      this.loaded = true;
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
      const first = page(post_shape)(await get("cache", this.#key), "kept feed");
      keepPosts(first.items);
      this.ids = first.items.map((one) => one.id);
      this.next = first.next;
      this.kept = true;
      this.loaded = true;
    } catch {
      // Nothing kept here: the error is shown instead.
    }
  }

  async more(): Promise<void> {
    if (this.next === null || this.loadingMore || isCut()) return;
    this.loadingMore = true;
    try {
      const older = await getFeed(this.group, { before: this.next, limit: PAGE, kind: this.kind });
      keepPosts(older.items);
      const known = new Set(this.ids);
      this.ids = [...this.ids, ...older.items.map((one) => one.id).filter((id) => !known.has(id))];
      this.next = older.next;
    } catch (error) {
      this.error = error;
    } finally {
      this.loadingMore = false;
    }
  }

  /** A post that belongs here has arrived; one's own shows at once, others wait to be asked for. */
  arrived(one: Post): void {
    if (this.kind !== "all" && (one.automatic !== null) !== (this.kind === "automatic")) return;
    if (!this.loaded || this.ids.includes(one.id) || this.fresh.includes(one.id)) return;
    if (one.mine) this.ids = [one.id, ...this.ids];
    else this.fresh = [one.id, ...this.fresh];
  }

  showFresh(): void {
    this.ids = [...this.fresh.filter((id) => !this.ids.includes(id)), ...this.ids];
    this.fresh = [];
    if (this.group !== null) markRead(this.group);
  }

  /** Reads again how far the shown posts have got. */
  deliveryMoved(): void {
    if (this.#pause !== undefined) return;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      const limit = Math.min(PAGE_MAX, Math.max(PAGE, this.ids.length));
      getFeed(this.group, { limit, kind: this.kind }).then(
        (again) => refreshKnown(again.items),
        () => {},
      );
    }, DELIVERY_PAUSE_MS);
  }
}

const feeds = new Map<string, Feed>();

/** The feed of a group or of home, as it was left. */
export function feedOf(group: string | null, kind: FeedKind): Feed {
  const key = `${group ?? ""}:${kind}`;
  let feed = feeds.get(key);
  if (feed === undefined) {
    feed = new Feed(group, kind);
    const oldest = feeds.size >= FEEDS_MAX ? [...feeds.keys()].find((one) => !feeds.get(one)?.shown) : undefined;
    if (oldest !== undefined) feeds.delete(oldest);
  } else feeds.delete(key);
  feeds.set(key, feed);
  return feed;
}

/** A new post somewhere: fetched once, handed to the feeds that hold its group. */
export async function postArrived(group: string, id: string): Promise<void> {
  const concerned = [...feeds.values()].filter((feed) => feed.loaded && (feed.group === null || feed.group === group));
  if (concerned.length === 0) return;
  try {
    const fresh = await loadPost(id);
    for (const feed of concerned) feed.arrived(fresh);
  } catch {
    // Not for this person, or gone again: the next load tells.
  }
}

export function deliveryMoved(group: string): void {
  for (const feed of feeds.values()) {
    if (feed.shown && (feed.group === null || feed.group === group)) feed.deliveryMoved();
  }
}

/** After a gap: what is on the screen is read again. */
export function reloadShown(): void {
  for (const [key, feed] of feeds) {
    if (feed.shown) void feed.load();
    else feeds.delete(key);
  }
}

/** One's own post was kept: shows it without waiting for the notice. */
export function ownPostKept(one: Post): void {
  keepPosts([one]);
  for (const feed of feeds.values()) {
    if (feed.group === null || feed.group === one.group.id) feed.arrived(one);
  }
}
