// What an administrator is told when a site was put back to an earlier state: for real, from a copy of its data folder.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
});

const texts = async (person) => {
  const { items } = await person.api.get(`groups/${scene.group.id}/feed`);
  return items.map((item) => item.text).sort();
};

/** `person`'s site goes on after a copy was made of it, and is started again from the copy. */
async function restore(person, other, text) {
  await person.site.stop();
  person.site.backUp();
  await person.site.restart();
  await person.api.write(scene.group.id, text);
  await within(CROSS_MS, "the other site has it", async () => (await texts(other)).includes(text));
  await person.site.stop();
  person.site.putBack();
  await person.site.restart();
  await within(CROSS_MS, "the site has found what it had forgotten", async () => (await texts(person)).includes(text));
  await within(CROSS_MS, "its administrator is told", async () => (await person.api.get("session")).alarms === 1);
}

async function read({ page, w }, site) {
  await page.getByText(w.nav.alarmBanner(1)).waitFor({ timeout: CROSS_MS });
  await page.getByRole("link", { name: w.nav.alarmAct }).click();
  const alarm = page.getByRole("article").filter({ has: page.getByRole("heading", { name: w.care.alarms.kinds.restored.title(site) }) });
  await alarm.getByText(w.care.alarms.kinds.restored.happened).waitFor();
  await alarm.getByText(w.care.alarms.facts.held_elsewhere).waitFor();
  await fits(page);
  none(await broken(page, `an alarm at ${site}`));
  return alarm;
}

test("a site that was put back says so to its administrator, who puts the alarm away", async () => {
  const { ann, ben } = scene;
  await restore(ben, ann, "Written after the copy.");
  await play("alarm-en", [await open({ person: ben })], async (window) => {
    const { page, w } = window;
    const alarm = await read(window, "Lille");
    await alarm.getByRole("button", { name: w.care.alarms.dismiss }).click();
    await page.getByText(w.care.alarms.none).waitFor();
  });
  assert.equal((await ben.api.get("session")).alarms, 0);
  assert.deepEqual(await ann.api.get("admin/alarms"), [], "nobody wrote two histories");
});

test("the same in French, on a phone", async () => {
  const { ann, ben } = scene;
  await restore(ann, ben, "Écrit après la copie.");
  await play("alarm-fr", [await open({ person: ann, size: PHONE })], async (window) => {
    await read(window, "Angers");
  });
  assert.deepEqual(await texts(ann), await texts(ben), "each post once at both");
});
