// One person's data as a file: one's own from one's page, another's by an administrator who gives the password.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { giveSudo } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { PASSWORD } from "../support/api.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";

let scene;
before(async () => {
  scene = await twoSites();
});

/** A `.zip` begins so; what is in it is read by the tests of the node. */
const isArchive = (path) => readFileSync(path).subarray(0, 4).equals(Buffer.from("PK\x03\x04", "latin1"));

test("one's own data is one click away, on a phone", async () => {
  const { ben, group } = scene;
  await ben.api.write(group.id, "Words of my own.");
  const me = (await ben.api.get("session")).person;
  await play("export-own", [await open({ person: ben, size: PHONE, path: `/people/${me.id}` })], async ({ page, w }) => {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: w.care.person.export }).click();
    const file = await download;
    assert.match(file.suggestedFilename(), /^archipel-ben-carter-\d{4}-\d\d-\d\d\.zip$/);
    assert.ok(isArchive(await file.path()));
    await fits(page);
    none(await broken(page, "one's own page"));
  });
});

test("an administrator gives the password for the data of somebody else", async () => {
  const { ann } = scene;
  const added = await ann.api.post("people", { request_id: "a".repeat(26), name: "Claire Petit", email: "claire@harmonie.example", title: "", language: "fr" });
  // Another login of the same person: nobody gave it the password again yet.
  const api = ann.site.api();
  await api.logIn(ann.email);
  const window = await open({ person: { ...ann, api }, path: `/people/${added.person.id}` });
  await play("export-other", [window], async ({ page, w }) => {
    window.forgiven.push(/status of 403/);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: w.care.person.exportOf("Claire Petit") }).click();
    await giveSudo(window, PASSWORD);
    assert.match((await download).suggestedFilename(), /^archipel-claire-petit-/);
  });
});
