/** Publications as last seen: one copy of each, whichever feed shows it. */

import { SvelteMap } from "svelte/reactivity";
import * as calls from "../api/posts";
import type { Post, Reaction } from "../api/schema/post";
import { requestId } from "../lib/ids";

export type { Attachment, Arrival, Comment, Delivery, Post, Reaction } from "../api/schema/post";
export { EMOJI } from "../api/schema/post";
export { renderPreview, getPostDelivery, getCommentDelivery } from "../api/posts";

const posts = new SvelteMap<string, Post>();
const watched = new Map<string, number>();

export function post(id: string): Post | undefined {
  return posts.get(id);
}

export function keepPosts(list: Post[]): void {
  for (const one of list) posts.set(one.id, one);
}

/** Takes up what is newer of posts already known; others are left for a feed to decide. */
export function refreshKnown(list: Post[]): void {
  for (const one of list) if (posts.has(one.id)) posts.set(one.id, one);
}

export async function loadPost(id: string): Promise<Post> {
  const fresh = await calls.getPost(id);
  posts.set(id, fresh);
  return fresh;
}

/** Reads a post again if it is known; silence when the node does not answer: what is shown stays. */
export async function refreshPost(id: string): Promise<void> {
  if (!posts.has(id)) return;
  try {
    await loadPost(id);
  } catch {
    // A later notice or the next visit will bring it.
  }
}

/** A file has arrived: the posts that show it are read again. */
export function fileArrived(blob: string): void {
  for (const one of posts.values()) {
    if (one.attachments.some((file) => file.blob === blob && file.state !== "here")) void refreshPost(one.id);
  }
}

/** A post shown on its own: read again when its delivery may have moved. */
export function watchPost(id: string): () => void {
  watched.set(id, (watched.get(id) ?? 0) + 1);
  return () => {
    const left = (watched.get(id) ?? 1) - 1;
    if (left > 0) watched.set(id, left);
    else watched.delete(id);
  };
}

export function refreshWatched(group: string): void {
  for (const id of watched.keys()) if (posts.get(id)?.group.id === group) void refreshPost(id);
}

/** The reactions as they will be once the node agrees. */
export function withReaction(list: Reaction[], emoji: string, on: boolean): Reaction[] {
  const found = list.find((one) => one.emoji === emoji);
  if (!found) return on ? [...list, { emoji, count: 1, mine: true }] : list;
  if (found.mine === on) return list;
  return list
    .map((one) => (one === found ? { ...one, count: one.count + (on ? 1 : -1), mine: on } : one))
    .filter((one) => one.count > 0);
}

/** Shows the reaction at once; takes it back if the node refuses. */
export async function reactToPost(id: string, emoji: string, on: boolean): Promise<void> {
  const before = posts.get(id);
  if (!before) return;
  posts.set(id, { ...before, reactions: withReaction(before.reactions, emoji, on) });
  try {
    posts.set(id, await calls.reactToPost(id, emoji, on));
  } catch (error) {
    posts.set(id, before);
    throw error;
  }
}

export async function editPost(id: string, title: string, text: string): Promise<void> {
  posts.set(id, await calls.patchPost(id, { request_id: requestId(), title, text }));
}

export async function deletePost(id: string): Promise<void> {
  const left = await calls.deletePost(id);
  const before = posts.get(id);
  // Out of sight for good: what stays is the place where it was.
  if (left !== null) posts.set(id, left);
  else if (before) posts.set(id, { ...before, deleted: true, title: "", html: "", text: "", attachments: [], reactions: [] });
}
