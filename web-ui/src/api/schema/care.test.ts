import { expect, test } from "vitest";
import { alarm } from "./alarm";
import { group } from "./group";
import { storage } from "./keep";
import { site_view } from "./network";
import { me } from "./person";

const site = { id: "s", name: "Lille", company: null, self: false, state: "away", since: null, up_to_date: null, waiting: 3, nodes: [], people: 2 };

test("an alarm keeps words and numbers of its facts and the acts that this page knows", () => {
  const raw = {
    id: "a",
    kind: "fork",
    since: "2026-11-26T09:00:00Z",
    site: { id: "s", name: "Lille" },
    node: null,
    group: null,
    facts: { branches: 2, note: "x", more: { deep: true }, off: null },
    can: ["seal", "launch", "dismiss"],
    seal: { signed: [], needed: 2 },
  };
  const read = alarm(raw, "alarm");
  expect(read.facts).toEqual({ branches: 2, note: "x" });
  expect(read.can).toEqual(["seal", "dismiss"]);
  expect(() => alarm({ ...raw, facts: [] }, "alarm")).toThrow("alarm");
});

test("a site that says nothing about progress, suspension or machines' state is read all the same", () => {
  const read = site_view({ ...site, nodes: [{ id: "n", fingerprint: "f", addresses: [] }] }, "site");
  expect([read.progress, read.suspended, read.removed, read.nodes[0]?.static, read.nodes[0]?.via]).toEqual([null, null, null, null, null]);
  expect(site_view({ ...site, progress: { have: 3, of: 9 }, suspended: true }, "site")).toMatchObject({ progress: { have: 3, of: 9 }, suspended: true });
});

test("what was kept in the browser by an older version still opens", () => {
  const person = { id: "p", name: "Ann", site: { id: "s", name: "Lille" }, state: "active", title: "", is_admin: false, is_site_admin: false, is_me: true };
  const self = { person, language: "fr", theme: "light", csrf: "c", organisation: { id: "o", name: "O" }, site: { id: "s", name: "Lille" }, can: { create_groups: true, administer_site: false, administer_organisation: false }, sudo_until: null, reminders: [] };
  expect(me(self, "me")).toMatchObject({ alarms: null, not_delivered: null });
  const kept = { id: "g", name: "G", kind: "theme", access: "open", purpose: "", role: "member", may: { post: true, comment: true, manage: false, join: false, leave: true }, members: 2, sites: [], created: "", unread: 0, last_activity: null, official: false };
  expect(group(kept, "group")).toMatchObject({ policy: null, retention: null, filling: null });
});

test("storage with an unknown level is refused, with the place", () => {
  const raw = { disk: { free: 1, total: 2, level: "empty" }, journal: 0, index: 0, files: 0, thumbs: 0, groups: [], keep_days: null };
  expect(() => storage(raw, "/admin/storage")).toThrow("/admin/storage.disk.level");
});
