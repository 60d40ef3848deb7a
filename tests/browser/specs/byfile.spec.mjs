// Two sites whose line is cut for good: a file made on one screen and taken on the other.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { giveSudo } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { PASSWORD } from "../support/api.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
  const { ann, ben } = scene;
  // Both come back at ports where the other does not look.
  for (const { site } of [ann, ben]) {
    await site.stop();
    site.peers += 500;
  }
  for (const { site } of [ann, ben]) await site.restart();
  await within(CROSS_MS, "Lille is away", async () => (await ann.api.get("network")).sites[0].state === "away");
});

async function make(window, site) {
  const { page, w } = window;
  await page.getByRole("heading", { name: w.care.file.make }).waitFor();
  const download = page.waitForEvent("download");
  await page.getByLabel(w.care.file.forSite, { exact: true }).selectOption({ label: site });
  await page.getByRole("button", { name: w.care.file.makeAct }).click();
  await page.getByRole("dialog", { name: w.sudo.title }).waitFor({ timeout: 3_000 }).then(() => giveSudo(window, PASSWORD), () => {});
  const file = await download;
  return { name: file.suggestedFilename(), path: await file.path() };
}

async function take(window, { name, bytes }) {
  const { page, w } = window;
  await page.locator('input[type="file"]').setInputFiles({ name, mimeType: "application/octet-stream", buffer: bytes });
  await page.getByRole("dialog", { name: w.sudo.title }).waitFor({ timeout: 3_000 }).then(() => giveSudo(window, PASSWORD), () => {});
}

test("a post crosses in a file, and a file for somebody else or cut short says what to do", async () => {
  const { ann, ben, group } = scene;
  const post = await ann.api.write(group.id, "Écrit sans ligne.");
  const windows = [await open({ person: ann, path: "/network" }), await open({ person: ben, path: "/network/file" })];
  await play("byfile", windows, async (maker, taker) => {
    for (const window of [maker, taker]) window.forgiven.push(/status of 4\d\d/);
    await maker.page.getByRole("link", { name: maker.w.network.byFile }).click();
    const file = await make(maker, "Lille");
    assert.match(file.name, /^archipel-lille-\d{4}-\d\d-\d\d\.bundle$/);
    await maker.page.getByText(file.name).waitFor();
    none(await broken(maker.page, "making a file"));
    const bytes = readFileSync(file.path);

    await take(maker, { name: file.name, bytes });
    await maker.page.getByText(maker.w.errors.codes.bundle_other_site).waitFor();
    await take(taker, { name: file.name, bytes: bytes.subarray(0, bytes.length - 30) });
    await taker.page.getByText(taker.w.errors.codes.bundle_cut_short).waitFor();
    await take(taker, { name: file.name, bytes });
    await taker.page.getByText(taker.w.care.file.result("Angers")).waitFor();
    none(await broken(taker.page, "a file taken"));
    assert.equal((await ben.api.get(`posts/${post.id}`)).text, "Écrit sans ligne.");
  });
});

test("on a phone", async () => {
  await play("byfile-phone", [await open({ person: scene.ben, size: PHONE, path: "/network/file" })], async ({ page, w }) => {
    await page.getByRole("heading", { name: w.care.file.import }).waitFor();
    await fits(page);
    none(await broken(page, "exchange by file"));
  });
});
