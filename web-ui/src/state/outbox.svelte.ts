/**
 * What was written and has not been kept by the site yet.
 *
 * Each item is in the browser's own storage before it is shown, survives closing the tab, and leaves by
 * itself when the site is back. Sending twice is harmless: the node knows the request id.
 */

import { Refused, Unreachable } from "../api/client";
import * as calls from "../api/posts";
import { anything, count, list, nullable, object, oneOf, text, type Decoded } from "../api/schema/decode";
import { group_ref, type GroupRef } from "../api/schema/ref";
import { all as allKept, put, remove } from "../lib/db";
import { requestId } from "../lib/ids";
import { whenBack } from "./connection.svelte";
import { codeOf, retrySeconds } from "./errors";
import { ownPostKept } from "./feed.svelte";
import { me, meOrNull } from "./session.svelte";
import { commentKept } from "./thread.svelte";
import { refreshPost } from "./posts.svelte";

const waiting_file = object({
  name: text,
  size: count,
  /** Known once uploaded. */
  blob: nullable(text),
  /** The bytes, until then. */
  bytes: nullable(anything),
});
const waiting = object({
  request_id: text,
  person: text,
  kind: oneOf("post", "comment"),
  group: group_ref,
  post: nullable(text),
  title: text,
  text,
  files: list(waiting_file),
  created: text,
  state: oneOf("waiting", "sending", "refused"),
  reason: nullable(text),
});
export type Waiting = Decoded<typeof waiting>;
export type WaitingFile = Decoded<typeof waiting_file>;

const RETRY_MS = 10_000;
/** Refusals that pass by themselves: the item goes on waiting. */
const PASSING = new Set(["busy", "throttled", "unauthenticated", "csrf", "read_only", "internal"]);

const box = $state<{ items: Waiting[] }>({ items: [] });
let running = false;
let timer: ReturnType<typeof setTimeout> | undefined;

export function outbox(): Waiting[] {
  return box.items;
}
export function waitingPosts(group: string | null): Waiting[] {
  return box.items.filter((one) => one.kind === "post" && (group === null || one.group.id === group));
}
export function waitingComments(post: string): Waiting[] {
  return box.items.filter((one) => one.kind === "comment" && one.post === post);
}

/** Finds what waits from an earlier visit of the same person, and sends it. */
export async function openOutbox(): Promise<void> {
  const mine: Waiting[] = [];
  for (const kept of await allKept("outbox")) {
    try {
      const item = waiting(kept, "outbox");
      if (item.person !== me().person.id) continue;
      if (item.state === "sending") item.state = "waiting";
      mine.push(item);
    } catch (error) {
      console.warn("an outbox item was not understood", error);
    }
  }
  mine.sort((a, b) => (a.created < b.created ? -1 : 1));
  box.items = mine;
  void flush();
}

export interface Draft {
  kind: "post" | "comment";
  group: GroupRef;
  post: string | null;
  title: string;
  text: string;
  files: WaitingFile[];
}

/** Puts a text into the outbox and sends it. Resolves once the browser has it. */
export async function submit(draft: Draft): Promise<void> {
  const item: Waiting = {
    ...draft,
    request_id: requestId(),
    person: me().person.id,
    created: new Date().toISOString(),
    state: "waiting",
    reason: null,
  };
  await keep(item);
  box.items.push(item);
  void flush();
}

async function keep(item: Waiting): Promise<void> {
  // Reactive wrappers cannot be stored; file bytes can.
  await put("outbox", item.request_id, {
    ...$state.snapshot(item),
    files: item.files.map((file) => ({ ...file })),
  });
}

/** Takes an item out for good: its text is given back or thrown away by the caller. */
export async function discard(id: string): Promise<void> {
  box.items = box.items.filter((one) => one.request_id !== id);
  await remove("outbox", id);
}

/** Tries a refused item again, as it is. */
export function retry(id: string): void {
  const item = box.items.find((one) => one.request_id === id);
  if (!item) return;
  item.state = "waiting";
  item.reason = null;
  void flush();
}

/** Sends what waits, oldest first, one at a time. */
export async function flush(): Promise<void> {
  if (running || meOrNull() === null) return;
  running = true;
  clearTimeout(timer);
  try {
    for (;;) {
      const item = box.items.find((one) => one.state === "waiting");
      if (!item) return;
      item.state = "sending";
      try {
        await deliver(item);
        await discard(item.request_id);
      } catch (error) {
        const code = codeOf(error);
        if (error instanceof Refused && !PASSING.has(code ?? "")) {
          item.state = "refused";
          item.reason = code;
          await keep(item);
          continue;
        }
        if (!(error instanceof Unreachable) && !(error instanceof Refused)) console.error(error);
        item.state = "waiting";
        timer = setTimeout(() => void flush(), (retrySeconds(error) ?? 0) * 1000 || RETRY_MS);
        return;
      }
    }
  } finally {
    running = false;
  }
}

async function deliver(item: Waiting): Promise<void> {
  for (const file of item.files) {
    if (file.blob !== null || !(file.bytes instanceof Blob)) continue;
    const kept = await calls.uploadFile(file.bytes, file.name, () => {}, new AbortController().signal);
    file.blob = kept.blob;
    file.bytes = null;
    await keep(item);
  }
  if (item.kind === "comment" && item.post !== null) {
    commentKept(await calls.createComment(item.post, item.request_id, item.text));
    void refreshPost(item.post);
    return;
  }
  const post = await calls.createPost(item.group.id, {
    request_id: item.request_id,
    ...(item.title === "" ? {} : { title: item.title }),
    text: item.text,
    attachments: item.files.flatMap(({ blob, name }) => (blob === null ? [] : [{ blob, name }])),
  });
  ownPostKept(post);
}

whenBack(() => void flush());
