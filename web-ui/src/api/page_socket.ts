/**
 * The web socket of one page: the document when it opens, changes both ways, who is there. Reopened by itself until it is closed,
 * or until the node says that there is nothing to reopen.
 */

import { count, flag, list, nullable, object, text } from "./schema/decode";
import { person_ref, type PersonRef } from "./schema/ref";

const DOCUMENT = 1;
const CHANGES = 2;
/** What the node takes in one message. */
export const BURST_CHANGES_MAX = 64;
export const BURST_BYTES_MAX = 256 * 1024;

const RETRY_FIRST_MS = 400;
const RETRY_MAX_MS = 15_000;

/** Why the node closed for good. */
export type Ended = "closed_to_you" | "unknown";
const ENDS: Record<number, Ended> = { 4403: "closed_to_you", 4404: "unknown" };

export interface Opened {
  actor: string;
  may_edit: boolean;
  seq: number;
  bytes: Uint8Array;
}
export type Where = { anchor: string; head: string } | null;
export interface PageSocketHandlers {
  opened(opening: Opened): void;
  changes(changes: Uint8Array[]): void;
  kept(hashes: string[]): void;
  refused(hashes: string[], code: string, message: string): void;
  here(session: string, who: PersonRef, cursor: Where): void;
  gone(session: string): void;
  /** The line is there or not; the document comes with `opened`. */
  line(open: boolean): void;
  ended(why: Ended): void;
}

const opening = object({ actor: text, may_edit: flag, seq: count });
const hashes = object({ hashes: list(text) });
const refusal = object({ hashes: list(text), code: text, message: text });
const place = object({ anchor: text, head: text });
const here = object({ who: person_ref, session: text, cursor: nullable(place) });
const gone = object({ session: text });
const kind = object({ t: text });

/** One message with some changes. */
export function encodeChanges(changes: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = changes.reduce((sum, one) => sum + 4 + one.length, 5);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = CHANGES;
  view.setUint32(1, changes.length);
  let at = 5;
  for (const change of changes) {
    view.setUint32(at, change.length);
    bytes.set(change, at + 4);
    at += 4 + change.length;
  }
  return bytes;
}

/** The changes of a message; an error when it does not add up. */
export function decodeChanges(message: Uint8Array): Uint8Array[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const changes: Uint8Array[] = [];
  const number = view.getUint32(1);
  let at = 5;
  for (let i = 0; i < number; i++) {
    const length = view.getUint32(at);
    if (at + 4 + length > message.length) throw new RangeError("a change is cut short");
    changes.push(message.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return changes;
}

/** How many of these fit in one message. */
export function burst(sizes: readonly number[]): number {
  let sum = 0;
  let taken = 0;
  for (const size of sizes) {
    sum += size;
    if (taken >= BURST_CHANGES_MAX || (taken > 0 && sum > BURST_BYTES_MAX)) break;
    taken += 1;
  }
  return taken;
}

export interface PageSocket {
  /** Whether it left. What did not is sent again after `opened`. */
  send(changes: readonly Uint8Array[]): boolean;
  here(cursor: Where): void;
  /** The site is said to be back: no more waiting. */
  nudge(): void;
  /** Ends this connection and opens another. */
  reopen(): void;
  close(): void;
}

/** Opens the page's socket; `actor` is asked for again at each opening, so that what waits keeps its place. */
export function openPageSocket(page: string, actor: () => string | null, on: PageSocketHandlers): PageSocket {
  let socket: WebSocket | undefined;
  let retry = RETRY_FIRST_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let ready = false;

  function receive(data: unknown, head: { given: { actor: string; may_edit: boolean; seq: number } | null }): void {
    if (data instanceof ArrayBuffer) {
      const message = new Uint8Array(data);
      if (message[0] === DOCUMENT && head.given !== null) {
        ready = true;
        retry = RETRY_FIRST_MS;
        on.opened({ ...head.given, bytes: message.slice(1) });
      } else if (message[0] === CHANGES && ready) on.changes(decodeChanges(message));
      return;
    }
    if (typeof data !== "string") return;
    const value: unknown = JSON.parse(data);
    switch (kind(value, "page socket").t) {
      case "open":
        head.given = opening(value, "open");
        return;
      case "kept":
        on.kept(hashes(value, "kept").hashes);
        return;
      case "refused": {
        const { hashes: refused, code, message } = refusal(value, "refused");
        on.refused(refused, code, message);
        return;
      }
      case "here": {
        const { session, who, cursor } = here(value, "here");
        on.here(session, who, cursor);
        return;
      }
      case "gone":
        on.gone(gone(value, "gone").session);
        return;
      default: // A newer node's word.
    }
  }

  function connect(): void {
    if (closed) return;
    clearTimeout(timer);
    timer = undefined;
    const url = new URL(`/api/v1/pages/${page}/socket`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const asked = actor();
    if (asked !== null) url.searchParams.set("actor", asked);
    const opened = new WebSocket(url);
    opened.binaryType = "arraybuffer";
    socket = opened;
    ready = false;
    const head = { given: null };
    opened.onopen = () => on.line(true);
    opened.onmessage = (event) => {
      if (socket !== opened) return;
      try {
        receive(event.data, head);
      } catch (error) {
        console.warn("a message of the page was not understood", error);
        opened.close();
      }
    };
    opened.onclose = (event) => {
      if (closed || socket !== opened) return;
      ready = false;
      const end = ENDS[event.code];
      if (end !== undefined) {
        closed = true;
        on.ended(end);
        return;
      }
      on.line(false);
      timer = setTimeout(connect, retry * (0.75 + Math.random() / 2));
      retry = Math.min(retry * 2, RETRY_MAX_MS);
    };
  }

  connect();
  return {
    send(changes) {
      if (!ready || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(encodeChanges(changes));
      return true;
    },
    here(cursor) {
      if (ready && socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ t: "here", cursor }));
    },
    nudge() {
      if (timer === undefined) return;
      retry = RETRY_FIRST_MS;
      connect();
    },
    reopen() {
      if (closed) return;
      const old = socket;
      socket = undefined;
      old?.close();
      connect();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}
