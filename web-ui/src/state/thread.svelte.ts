/** The comments under one post. */

import * as calls from "../api/posts";
import type { Comment } from "../api/schema/post";
import { requestId } from "../lib/ids";
import { refreshPost, withReaction } from "./posts.svelte";

const PAGE = 20;

export class Thread {
  items = $state<Comment[]>([]);
  older = $state<string | null>(null);
  loading = $state(false);
  loaded = $state(false);
  error = $state<unknown>(null);

  constructor(readonly post: string) {}

  async load(): Promise<void> {
    this.loading = true;
    try {
      const last = await calls.getComments(this.post, null, PAGE);
      const known = new Set(last.items.map((one) => one.id));
      const oldest = last.items[0];
      const before =
        oldest === undefined
          ? []
          : this.items.filter((one) => !known.has(one.id) && one.created < oldest.created);
      if (before.length === 0 || !this.loaded) {
        this.items = last.items;
        this.older = last.next;
      } else this.items = [...before, ...last.items];
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }

  async loadOlder(): Promise<void> {
    if (this.older === null || this.loading) return;
    this.loading = true;
    try {
      const page = await calls.getComments(this.post, this.older, PAGE);
      const known = new Set(this.items.map((one) => one.id));
      this.items = [...page.items.filter((one) => !known.has(one.id)), ...this.items];
      this.older = page.next;
    } catch (error) {
      this.error = error;
    } finally {
      this.loading = false;
    }
  }

  add(comment: Comment): void {
    if (this.items.some((one) => one.id === comment.id)) this.#set(comment);
    else this.items = [...this.items, comment];
  }

  #set(comment: Comment): void {
    this.items = this.items.map((one) => (one.id === comment.id ? comment : one));
  }

  async edit(id: string, text: string): Promise<void> {
    this.#set(await calls.patchComment(id, { request_id: requestId(), text }));
  }

  async remove(id: string): Promise<void> {
    const left = await calls.deleteComment(id);
    if (left === null) this.items = this.items.filter((one) => one.id !== id);
    else this.#set(left);
    void refreshPost(this.post);
  }

  async react(id: string, emoji: string, on: boolean): Promise<void> {
    const before = this.items.find((one) => one.id === id);
    if (!before) return;
    this.#set({ ...before, reactions: withReaction(before.reactions, emoji, on) });
    try {
      this.#set(await calls.reactToComment(id, emoji, on));
    } catch (error) {
      this.#set(before);
      throw error;
    }
  }
}

const open = new Map<string, Set<Thread>>();

/** A thread that is shown hears of new comments until the returned function is called. */
export function openThread(thread: Thread): () => void {
  const threads = open.get(thread.post) ?? new Set();
  threads.add(thread);
  open.set(thread.post, threads);
  return () => threads.delete(thread);
}

export function threadMoved(post: string): void {
  for (const thread of open.get(post) ?? []) void thread.load();
}

/** One's own comment was kept: shows it without waiting for the notice. */
export function commentKept(comment: Comment): void {
  for (const thread of open.get(comment.post) ?? []) thread.add(comment);
}
