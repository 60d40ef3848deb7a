/**
 * Changes to pages that the site has not kept yet, in this browser's own storage: they survive closing the tab.
 *
 * Each belongs to an actor, and an actor writes in one tab only: whoever takes changes up asks the other tabs first.
 */

import { anything, count, object, oneOf, text, type Decoded } from "../api/schema/decode";
import { all, put, remove } from "../lib/db";
import { requestId } from "../lib/ids";
import { me } from "./session.svelte";

export { openPageSocket, burst, type Ended, type Opened, type PageSocket, type PageSocketHandlers, type Where } from "../api/page_socket";

const stored = object({ kind: oneOf("change", "aside"), person: text, page: text, title: text, at: text, actor: text, seq: count, hash: text, bytes: anything, text });
type Stored = Decoded<typeof stored>;

export interface UnsentChange {
  actor: string;
  seq: number;
  hash: string;
  bytes: Uint8Array;
}
/** A text that could not be brought back into its page. */
export interface Aside {
  key: string;
  page: string;
  title: string;
  text: string;
  at: string;
}

const SEQ_DIGITS = 10;
const changeKey = (page: string, change: { actor: string; seq: number }) => `${me().person.id}/${page}/${change.actor}/${String(change.seq).padStart(SEQ_DIGITS, "0")}`;

const box = $state<{ pages: { id: string; title: string; changes: number }[] }>({ pages: [] });
/** Pages with changes that wait in this browser, for the outbox. */
export function waitingPages(): { id: string; title: string; changes: number }[] {
  return box.pages;
}

async function mine(): Promise<Stored[]> {
  const found: Stored[] = [];
  for (const kept of await all("pages")) {
    try {
      const one = stored(kept, "kept change");
      if (one.person === me().person.id) found.push(one);
    } catch (error) {
      console.warn("a kept change was not understood", error);
    }
  }
  return found;
}

/** Looks again which pages wait. */
export async function countWaiting(): Promise<void> {
  const pages = new Map<string, { id: string; title: string; changes: number }>();
  for (const one of await mine()) {
    if (one.kind !== "change") continue;
    const known = pages.get(one.page) ?? { id: one.page, title: one.title, changes: 0 };
    pages.set(one.page, { ...known, changes: known.changes + 1 });
  }
  box.pages = [...pages.values()];
}

export async function storeChange(page: string, title: string, change: UnsentChange): Promise<void> {
  const value: Stored = { kind: "change", person: me().person.id, page, title, at: new Date().toISOString(), ...change, text: "" };
  await put("pages", changeKey(page, change), value);
}
export async function dropChanges(page: string, changes: readonly UnsentChange[]): Promise<void> {
  await Promise.all(changes.map((one) => remove("pages", changeKey(page, one))));
}

export async function storeAside(page: string, title: string, words: string): Promise<Aside> {
  const at = new Date().toISOString();
  const key = `${me().person.id}/${page}/aside/${requestId()}`;
  const value: Stored = { kind: "aside", person: me().person.id, page, title, at, actor: key, seq: 0, hash: "", bytes: null, text: words };
  await put("pages", key, value);
  return { key, page, title, text: words, at };
}
export async function asidesOf(page: string): Promise<Aside[]> {
  return (await mine()).filter((one) => one.kind === "aside" && one.page === page).map((one) => ({ key: one.actor, page, title: one.title, text: one.text, at: one.at }));
}
export async function dropAside(key: string): Promise<void> {
  await remove("pages", key);
}

/** This tab, among those of the same browser. */
const tab = requestId();
const CLAIM_MS = 150;
const held = new Set<string>();
type Claim = { ask: string; tab: string } | { mine: string; tab: string };
const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("archipel.actors");
const answers = new Set<(claim: Claim) => void>();
channel?.addEventListener("message", (event: MessageEvent<Claim>) => {
  const claim = event.data;
  if ("ask" in claim && held.has(claim.ask)) channel.postMessage({ mine: claim.ask, tab } satisfies Claim);
  for (const run of answers) run(claim);
});

/** Whether this tab alone writes as the actor from now on. Of two tabs that ask at once, the one with the lower name gets it. */
async function claim(actor: string): Promise<boolean> {
  if (channel === null) return true;
  let taken = false;
  const listen = (other: Claim): void => {
    if ("mine" in other ? other.mine === actor : other.ask === actor && other.tab < tab) taken = true;
  };
  answers.add(listen);
  channel.postMessage({ ask: actor, tab } satisfies Claim);
  await new Promise((done) => setTimeout(done, CLAIM_MS));
  answers.delete(listen);
  if (!taken) held.add(actor);
  return !taken;
}

/** An actor that the node gave to this tab. */
export function holdActor(actor: string): void {
  held.add(actor);
}
export function releaseActor(actor: string): void {
  held.delete(actor);
}

/** What earlier visits left for a page and no other tab is about to send, oldest first. */
export async function takeLeft(page: string): Promise<UnsentChange[]> {
  const found = (await mine()).filter((one) => one.kind === "change" && one.page === page && one.bytes instanceof Uint8Array);
  const actors = [...new Set(found.map((one) => one.actor))].filter((actor) => !held.has(actor));
  const free = new Set<string>();
  await Promise.all(actors.map(async (actor) => (await claim(actor)) && free.add(actor)));
  const left = found.filter((one) => free.has(one.actor));
  left.sort((a, b) => (a.actor === b.actor ? a.seq - b.seq : a.at < b.at ? -1 : 1));
  return left.map(({ actor, seq, hash, bytes }) => ({ actor, seq, hash, bytes: bytes as Uint8Array }));
}
