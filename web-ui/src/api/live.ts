/**
 * The live stream: one web socket, resumed after a gap, reopened by itself.
 *
 * Hands on notices whose shape was checked; what they mean is decided elsewhere.
 */

import { count, nullable, object, text, type Decoder } from "./schema/decode";

/** What has happened, by ids only. */
export type Notice =
  | { type: "post"; group: string; post: string }
  | { type: "post_changed"; group: string; post: string }
  | { type: "comment"; group: string; post: string; comment: string }
  | { type: "comment_changed"; group: string; post: string; comment: string }
  | { type: "delivery"; scope: string }
  | { type: "group_changed"; group: string }
  | { type: "groups_changed" }
  | { type: "people_changed" }
  | { type: "network" }
  | { type: "source"; group: string; source: string }
  | { type: "pairing"; id: string }
  | { type: "file"; blob: string }
  | { type: "not_delivered" }
  | { type: "alarms" }
  | { type: "erasures" }
  | { type: "page"; group: string; page: string }
  | { type: "page_comment"; group: string; page: string }
  | { type: "unread"; group: string; unread: number }
  | { type: "ended" };

const at_post = object({ group: text, post: text });
const at_comment = object({ group: text, post: text, comment: text });
const at_page = object({ group: text, page: text });
const none = object({});
const shapes: { [T in Notice["type"]]: Decoder<Omit<Extract<Notice, { type: T }>, "type">> } = {
  post: at_post,
  post_changed: at_post,
  comment: at_comment,
  comment_changed: at_comment,
  delivery: object({ scope: text }),
  group_changed: object({ group: text }),
  groups_changed: none,
  people_changed: none,
  network: none,
  source: object({ group: text, source: text }),
  pairing: object({ id: text }),
  file: object({ blob: text }),
  not_delivered: none,
  alarms: none,
  erasures: none,
  page: at_page,
  page_comment: at_page,
  unread: object({ group: text, unread: count }),
  ended: none,
};
const frame = object({ type: text, epoch: nullable(text), n: nullable(count) });

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 15_000;
/** The node speaks at least every 25 seconds. */
const SILENCE_MS = 65_000;

export interface LiveHandlers {
  notice(notice: Notice): void;
  /** What was missed is no longer at hand: reload what is shown. */
  reset(): void;
  state(open: boolean): void;
}

/** Opens the stream and keeps it open until the returned function is called. */
export function openLive(on: LiveHandlers): { close: () => void; nudge: () => void } {
  let socket: WebSocket | undefined;
  let position: { epoch: string; after: number } | undefined;
  let retry = RETRY_FIRST_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  function heard(): void {
    clearTimeout(silence);
    silence = setTimeout(() => socket?.close(), SILENCE_MS);
  }

  function receive(data: unknown): void {
    heard();
    if (typeof data !== "string") return;
    let value: unknown;
    try {
      value = JSON.parse(data);
      const { type, epoch, n } = frame(value, "notice");
      if (type === "hello" || type === "reset") {
        retry = RETRY_FIRST_MS;
        // A site may have gone between the first reading of the page and now, which no notice tells any more.
        if (type === "hello" && position === undefined) on.notice({ type: "network" });
        if (epoch !== null) position = { epoch, after: n ?? 0 };
        on.state(true);
        if (type === "reset") on.reset();
        return;
      }
      if (position !== undefined && n !== null) position.after = n;
      if (!(type in shapes)) return; // ping, or a newer node's word
      const kind = type as Notice["type"];
      on.notice({ ...shapes[kind](value, kind), type: kind } as Notice);
    } catch (error) {
      console.warn("live notice not understood", error);
    }
  }

  function connect(): void {
    if (closed) return;
    clearTimeout(timer);
    timer = undefined;
    const url = new URL("/api/v1/live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(url);
    socket = opened;
    opened.onopen = () => {
      heard();
      opened.send(JSON.stringify(position === undefined ? {} : { resume: position }));
    };
    opened.onmessage = (event) => receive(event.data);
    opened.onclose = () => {
      clearTimeout(silence);
      if (closed || socket !== opened) return;
      on.state(false);
      // Spread out, so that a whole site does not come back in the same instant.
      timer = setTimeout(connect, retry * (0.75 + Math.random() / 2));
      retry = Math.min(retry * 2, RETRY_MAX_MS);
    };
  }

  connect();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      clearTimeout(silence);
      socket?.close();
    },
    nudge() {
      if (timer === undefined) return;
      retry = RETRY_FIRST_MS;
      connect();
    },
  };
}
