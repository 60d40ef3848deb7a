/** Addresses: which page is shown, going to another, and coming back to where one was reading. */

import { parse, type Route } from "./route";

const here = $state({ path: location.pathname, hash: location.hash, query: location.search });
const current = $derived(parse(here.path, here.hash));
/** Scroll positions by history entry, so that going back shows what was being read. */
const scrolls = new Map<number, number>();
let entry = (history.state as { entry?: number } | null)?.entry ?? 0;
let restoring: number | undefined;

export function route(): Route {
  return current;
}

export function path(): string {
  return here.path;
}

/** What stands behind the path, from its question mark on. */
export function query(): string {
  return here.query;
}

/** Goes to an address of this app; `replace` leaves no trace in the history. */
export function go(to: string, how: "push" | "replace" = "push"): void {
  scrolls.set(entry, scrollY);
  if (how === "push") entry += 1;
  history[how === "push" ? "pushState" : "replaceState"]({ entry }, "", to);
  restoring = 0;
  here.path = location.pathname;
  here.hash = location.hash;
  here.query = location.search;
}

/** Where a view should scroll to once its content stands; the top unless one came back. */
export function restoreScroll(): void {
  if (restoring === undefined) return;
  scrollTo({ top: restoring, behavior: "instant" });
  restoring = undefined;
}

/** Starts listening: links inside the app never reload the page. */
export function startRouter(): void {
  history.scrollRestoration = "manual";
  history.replaceState({ entry }, "");
  addEventListener("popstate", (event) => {
    scrolls.set(entry, scrollY);
    entry = (event.state as { entry?: number } | null)?.entry ?? 0;
    restoring = scrolls.get(entry) ?? 0;
    here.path = location.pathname;
    here.hash = location.hash;
    here.query = location.search;
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!(link instanceof HTMLAnchorElement) || link.target === "_blank" || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    if (link.pathname === location.pathname && link.hash !== "") return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  });
}
