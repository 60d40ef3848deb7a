/** Addresses and the pages they mean. Pure. */

export type GroupTab = "feed" | "pages" | "members" | "sources" | "about";

export type Route =
  | { page: "home" }
  | { page: "groups" }
  | { page: "group-new" }
  | { page: "group"; id: string; tab: GroupTab }
  | { page: "post"; id: string }
  | { page: "document"; id: string }
  | { page: "search" }
  | { page: "people" }
  | { page: "person"; id: string }
  | { page: "network" }
  | { page: "pair" }
  | { page: "site"; id: string }
  | { page: "reach" }
  | { page: "by-file" }
  | { page: "removals" }
  | { page: "settings" }
  | { page: "admin-people" }
  | { page: "admin-site" }
  | { page: "alarms" }
  | { page: "storage" }
  | { page: "erasures" }
  | { page: "audit" }
  | { page: "constitution" }
  | { page: "outbox" }
  | { page: "undelivered" }
  | { page: "join"; invitation: string }
  | { page: "invitation"; token: string }
  | { page: "unknown" };

const ID = /^[a-z2-7]{26,52}$/;

const NETWORK = { pair: "pair", reach: "reach", file: "by-file", removals: "removals" } as const;
const ADMIN = {
  people: "admin-people",
  site: "admin-site",
  alarms: "alarms",
  storage: "storage",
  erasures: "erasures",
  log: "audit",
  organisation: "constitution",
} as const;

/** The page that the last word of an address names. */
function named<P extends "pair" | "reach" | "by-file" | "removals" | (typeof ADMIN)[keyof typeof ADMIN]>(pages: Record<string, P>, word: string): { page: P } | { page: "unknown" } {
  const page = Object.hasOwn(pages, word) ? pages[word] : undefined;
  return page === undefined ? { page: "unknown" } : { page };
}

/** The page that an address means. Pure. */
export function parse(path: string, hash = ""): Route {
  if (hash.startsWith("#/join/")) return { page: "join", invitation: hash.slice(7) };
  const [head = "", second = "", third = "", ...rest] = path.replace(/^\/+|\/+$/g, "").split("/");
  if (rest.length > 0) return { page: "unknown" };
  const plain = second === "";
  switch (head) {
    case "":
      return { page: "home" };
    case "groups":
      return plain ? { page: "groups" } : second === "new" ? { page: "group-new" } : { page: "unknown" };
    case "g":
      if (!ID.test(second)) return { page: "unknown" };
      if (third === "") return { page: "group", id: second, tab: "feed" };
      if (third === "pages" || third === "members" || third === "sources" || third === "about") return { page: "group", id: second, tab: third };
      return { page: "unknown" };
    case "p":
      return ID.test(second) ? { page: "post", id: second } : { page: "unknown" };
    case "d":
      return ID.test(second) && third === "" ? { page: "document", id: second } : { page: "unknown" };
    case "search":
      return plain ? { page: "search" } : { page: "unknown" };
    case "people":
      return plain ? { page: "people" } : ID.test(second) ? { page: "person", id: second } : { page: "unknown" };
    case "network":
      if (second === "s" && ID.test(third)) return { page: "site", id: third };
      return plain ? { page: "network" } : third === "" ? named(NETWORK, second) : { page: "unknown" };
    case "settings":
      return plain ? { page: "settings" } : { page: "unknown" };
    case "outbox":
      return plain ? { page: "outbox" } : { page: "unknown" };
    case "admin":
      return third === "" ? named(ADMIN, second) : { page: "unknown" };
    case "not-delivered":
      return plain ? { page: "undelivered" } : { page: "unknown" };
    case "join":
      return { page: "join", invitation: hash.slice(1) };
    case "invitation":
      return second === "" ? { page: "unknown" } : { page: "invitation", token: second };
    default:
      return { page: "unknown" };
  }
}

/** Whether two addresses are the same screen, so that only a tab changes. */
export function keyOf(route: Route): string {
  return "id" in route ? `${route.page}:${route.id}` : route.page;
}
