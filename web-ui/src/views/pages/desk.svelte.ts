/**
 * A page on somebody's desk: its session, its line to the site, what waits in this browser, and who else is there.
 *
 * The only place where the three meet. What it says about the state is true at every moment: *kept* means that the site said so.
 */

import { ready } from "../../editor/wasm";
import { PageSession, type Unsent } from "../../editor/session";
import { cutSince, whenBack } from "../../state/connection.svelte";
import type { PersonRef } from "../../state/groups.svelte";
import { keepDocument, keptDocument, loadPage } from "../../state/pages.svelte";
import { asidesOf, burst, countWaiting, dropAside, dropChanges, holdActor, openPageSocket, releaseActor, storeAside, storeChange, takeLeft, type Aside, type Ended, type Opened, type PageSocket } from "../../state/unsent.svelte";

export interface Present {
  session: string;
  who: PersonRef;
  cursor: { anchor: string; head: string } | null;
}

/** A pause in one's own writing, after which what stands beside the text is placed anew. */
const TURN_MS = 300;
/** What is typed leaves at once, then in bursts. */
const BURST_MS = 150;
/** One's own place is told at most this often. */
const HERE_MS = 220;
/** The document is put by for a cut once nothing has moved for a while. */
const KEEP_MS = 4_000;
/** Before opening again what the node has just closed. */
const AGAIN_MS = 1_000;
/** A site that is there opens a page sooner; else the one kept here is opened. */
const PATIENCE_MS = 2_500;

const desks = new Set<PageDesk>();
whenBack(() => {
  for (const desk of desks) desk.nudge();
});

function provisionalActor(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class PageDesk {
  session = $state.raw<PageSession | null>(null);
  /** Counts what came from outside, for what is drawn over the text. */
  turn = $state(0);
  line = $state<"opening" | "open" | "cut" | "ended">("opening");
  since = $state<string | null>(null);
  ended = $state<Ended | null>(null);
  mayEdit = $state(false);
  /** Changes made here that the site has not kept yet. */
  waiting = $state(0);
  present = $state.raw<Present[]>([]);
  asides = $state.raw<Aside[]>([]);
  failed = $state<unknown>(null);
  /** Whoever shows the text: runs what changes it from outside. */
  around: ((run: () => void) => void) | null = null;

  #socket: PageSocket | undefined;
  #left: Unsent[] = [];
  #sent = new Set<string>();
  #burst: ReturnType<typeof setTimeout> | undefined;
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #hereTimer: ReturnType<typeof setTimeout> | undefined;
  #turning: ReturnType<typeof setTimeout> | undefined;
  #here: { anchor: string; head: string } | null = null;
  #toldHere = 0;
  #storing: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    readonly page: string,
    private readonly title: () => string,
    /** What the page's view says until the node has said it on the line. */
    mayEdit: boolean,
  ) {
    this.mayEdit = mayEdit;
  }

  async start(): Promise<void> {
    desks.add(this);
    try {
      await ready();
      this.#left = await takeLeft(this.page);
      this.asides = await asidesOf(this.page);
    } catch (error) {
      this.failed = error;
      return;
    }
    if (this.#closed) return;
    this.waiting = this.#left.length;
    this.#connect();
    this.#patience = setTimeout(() => void this.#openKept(), PATIENCE_MS);
  }

  #connect(): void {
    this.#socket = openPageSocket(this.page, () => this.#asked(), {
      opened: (opening) => this.#opened(opening),
      changes: (changes) => this.#fromOthers(() => this.session?.remote(changes)),
      kept: (hashes) => {
        this.session?.kept(hashes);
        this.#count();
      },
      refused: (hashes) => {
        this.session?.refused(hashes);
        this.#count();
        this.#socket?.reopen();
      },
      here: (session, who, cursor) => {
        this.present = [...this.present.filter((one) => one.session !== session), { session, who, cursor }];
      },
      gone: (session) => {
        this.present = this.present.filter((one) => one.session !== session);
      },
      line: (open) => {
        if (!open) this.#cut();
      },
      ended: (why) => void this.#over(why),
    });
  }

  /** The node closed for good. Who may still read opens again, to read. */
  async #over(why: Ended): Promise<void> {
    this.present = [];
    this.mayEdit = false;
    if (why === "closed_to_you" && !this.#closed) {
      this.line = "opening";
      const may = await loadPage(this.page).then(
        (view) => !view.deleted,
        () => false,
      );
      await new Promise((done) => setTimeout(done, AGAIN_MS));
      if (may && !this.#closed) {
        this.#connect();
        return;
      }
    }
    this.line = "ended";
    this.ended = why;
  }

  /** The actor to go on as, so that what waits keeps its place. */
  #asked(): string | null {
    return this.session?.actor ?? this.#left.at(-1)?.actor ?? null;
  }

  #events() {
    return {
      made: (change: Unsent) => {
        this.#storing = this.#storing.then(() => storeChange(this.page, this.title(), change));
        this.#count();
        this.#flush();
        this.#keepSoon();
        this.#turnSoon();
      },
      settled: (changes: Unsent[]) => {
        for (const one of changes) this.#sent.delete(one.hash);
        // After the writing of the same change, never before it.
        this.#storing = this.#storing.then(() => dropChanges(this.page, changes)).then(countWaiting);
      },
      aside: (text: string) => {
        void storeAside(this.page, this.title(), text).then((aside) => (this.asides = [...this.asides, aside]));
      },
      around: (run: () => void) => (this.around === null ? run() : this.around(run)),
    };
  }

  #opened(opening: Opened): void {
    clearTimeout(this.#patience);
    holdActor(opening.actor);
    this.#sent.clear();
    this.present = [];
    this.#fromOthers(() => {
      if (this.session === null) this.session = PageSession.open(opening, this.#left, this.#events());
      else this.session.reconnect(opening);
    });
    this.#left = [];
    this.mayEdit = opening.may_edit;
    this.line = "open";
    this.since = null;
    // Rights went while something waited: its text goes back to the person, and the page is opened to read.
    const current = this.session;
    const waiting = current?.unsent.map((one) => one.hash) ?? [];
    if (!opening.may_edit && waiting.length > 0) {
      current?.refused(waiting);
      this.#socket?.reopen();
    }
    this.#count();
    this.#flush();
    this.#tellHere();
  }

  #cut(): void {
    this.present = [];
    if (this.line === "open" || this.line === "opening") {
      this.line = "cut";
      this.since = cutSince() ?? new Date().toISOString();
    }
    void this.#openKept();
  }

  /** The site is away: what this browser keeps is opened, and writing goes on. */
  async #openKept(): Promise<void> {
    if (this.session !== null || this.#closed) return;
    const bytes = await keptDocument(this.page);
    // The site may have answered meanwhile.
    if (bytes === null || (this.session as PageSession | null) !== null || this.#closed) return;
    const actor = this.#left.at(-1)?.actor ?? provisionalActor();
    holdActor(actor);
    this.session = PageSession.reopen(bytes, actor, this.#left, this.#events());
    this.#left = [];
    this.#count();
    this.turn += 1;
  }

  #fromOthers(run: () => void): void {
    run();
    this.turn += 1;
    this.#keepSoon();
  }

  #count(): void {
    this.waiting = this.session?.unsent.length ?? this.#left.length;
  }

  #flush(): void {
    if (this.#burst !== undefined) return;
    this.#send();
    this.#burst = setTimeout(() => {
      this.#burst = undefined;
      if (this.session?.unsent.some((one) => !this.#sent.has(one.hash)) === true && this.line === "open") this.#flush();
    }, BURST_MS);
  }

  #send(): void {
    const pending = this.session?.unsent.filter((one) => !this.#sent.has(one.hash)) ?? [];
    if (pending.length === 0 || this.line !== "open") return;
    const leaving = pending.slice(0, burst(pending.map((one) => one.bytes.length)));
    if (this.#socket?.send(leaving.map((one) => one.bytes)) !== true) return;
    for (const one of leaving) this.#sent.add(one.hash);
  }

  /** What stands beside the text follows one's own writing at each pause, not at each key. */
  #turnSoon(): void {
    clearTimeout(this.#turning);
    this.#turning = setTimeout(() => (this.turn += 1), TURN_MS);
  }
  #keepSoon(): void {
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keepNow(), KEEP_MS);
  }
  #keepNow(): void {
    clearTimeout(this.#keeping);
    if (this.session !== null && this.line !== "ended") void keepDocument(this.page, this.session.save());
  }

  /** Where this person is in the text now. */
  at(anchor: string, head: string): void {
    if (this.#here?.anchor === anchor && this.#here.head === head) return;
    this.#here = { anchor, head };
    this.#hereTimer ??= setTimeout(() => this.#tellHere(), Math.max(0, this.#toldHere + HERE_MS - Date.now()));
  }
  #tellHere(): void {
    clearTimeout(this.#hereTimer);
    this.#hereTimer = undefined;
    this.#toldHere = Date.now();
    this.#socket?.here(this.#here);
  }

  async dropAside(key: string): Promise<void> {
    await dropAside(key);
    this.asides = this.asides.filter((one) => one.key !== key);
  }

  nudge(): void {
    this.#socket?.nudge();
  }

  /** What waits stays in this browser; it leaves at the next visit, or when the site is back. */
  close(): void {
    this.#closed = true;
    desks.delete(this);
    this.#keepNow();
    if (this.session !== null) releaseActor(this.session.actor);
    for (const timer of [this.#burst, this.#patience, this.#hereTimer, this.#turning]) clearTimeout(timer);
    this.#socket?.close();
    void this.#storing.then(countWaiting);
  }
}

/** Longest that sending what was left for one page may take before the next is tried. */
const LEAVE_MS = 30_000;

/** Sends what earlier visits left for a page that is not open, without showing it. Resolves when it has left, or did not. */
export async function sendLeft(page: string, title: string): Promise<void> {
  if ([...desks].some((desk) => desk.page === page)) return;
  const desk = new PageDesk(page, () => title, false);
  await desk.start();
  const end = Date.now() + LEAVE_MS;
  while (desk.waiting > 0 && desk.line !== "ended" && desk.line !== "cut" && desk.failed === null && Date.now() < end) {
    await new Promise((done) => setTimeout(done, BURST_MS));
  }
  desk.close();
}
