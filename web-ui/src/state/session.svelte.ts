/** Who is logged in, and what this node is ready for. */

import { observe, Refused, setToken, Unreachable } from "../api/client";
import * as calls from "../api/session";
import { me as me_shape, type Me, type Status } from "../api/schema/person";
import * as setup from "../api/setup";
import { setLang } from "../lib/i18n.svelte";
import { setTheme } from "../lib/theme.svelte";
import { clear, get, put, remove } from "../lib/db";
import { contacted } from "./connection.svelte";

export type { Me, Login, Status, Invited } from "../api/schema/person";
export { getInvitation, getLogins, endLogin } from "../api/session";

type Phase = "loading" | "unreachable" | "new" | "joining" | "joined_no_person" | "login" | "in";

const session = $state<{ phase: Phase; me: Me | null; status: Status | null; ended: boolean }>({
  phase: "loading",
  me: null,
  status: null,
  ended: false,
});
const CACHED_ME = "me";

export function phase(): Phase {
  return session.phase;
}

/** What the node says of itself; absent until it has answered once. */
export function status(): Status | null {
  return session.status;
}

/** The session was ended by the node, not by the person. */
export function wasEnded(): boolean {
  return session.ended;
}

/** Oneself. Only views that are shown to somebody logged in may ask. */
export function me(): Me {
  if (session.me === null) throw new Error("nobody is logged in");
  return session.me;
}

export function meOrNull(): Me | null {
  return session.me;
}

export function accept(me: Me): void {
  setToken(me.csrf);
  session.me = me;
  session.phase = "in";
  session.ended = false;
  setLang(me.language);
  setTheme(me.theme);
  void put("cache", CACHED_ME, $state.snapshot(me));
}

/** Takes up a changed self without touching the rest. */
function update(next: Me): Me {
  accept(next);
  return next;
}

/** Asks the node where things stand; what was kept in the browser serves when it does not answer. */
export async function boot(): Promise<void> {
  observe(contacted, () => {
    if (session.phase === "in") signOut(true);
  });
  try {
    session.status = await setup.getStatus();
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const kept = await get("cache", CACHED_ME);
    try {
      accept(me_shape(kept, "kept session"));
    } catch {
      session.phase = "unreachable";
    }
    return;
  }
  if (session.status.state !== "ready") {
    session.phase = session.status.state;
    return;
  }
  try {
    accept(await calls.getSession());
  } catch (error) {
    if (error instanceof Refused) session.phase = "login";
    else session.phase = "unreachable";
  }
}

function signOut(ended: boolean): void {
  session.me = null;
  session.phase = "login";
  session.ended = ended;
  setToken("");
  void remove("cache", CACHED_ME);
}

/** The node says that the session is over. */
export function sessionEnded(): void {
  if (session.phase === "in") signOut(true);
}

export async function logIn(email: string, password: string): Promise<void> {
  accept(await calls.logIn(email, password));
}

/** Leaves, and takes from this browser what was kept for reading: it may be shared. */
export async function logOut(): Promise<void> {
  await calls.logOut();
  await clear("cache");
  signOut(false);
  history.replaceState(null, "", "/");
  location.reload();
}

export async function acceptInvitation(token: string, password: string, language: string): Promise<void> {
  accept(await calls.acceptInvitation(token, password, language));
}

export async function patchMe(body: Parameters<typeof calls.patchMe>[0]): Promise<void> {
  update(await calls.patchMe(body));
}

export async function changePassword(current: string, next: string): Promise<void> {
  update(await calls.changePassword(current, next));
}

/** Enters the five minutes in which grave acts are allowed. */
export async function enterSudo(password: string): Promise<void> {
  update(await calls.enterSudo(password));
}

/** Reads oneself again, after rights or reminders changed. */
export async function reloadMe(): Promise<void> {
  update(await calls.getSession());
}
