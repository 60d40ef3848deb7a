// Removing somebody from a group: every site's confirmation, the honest sentence, and what the removed wrote meanwhile.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { card } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { fits, forgive, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
});

test("the owner reserves posting for facilitators, and a member sees no composer", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}/about` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("rules", windows, async (owner, member) => {
    await member.page.getByRole("button", { name: member.w.composer.open }).waitFor();
    const { page, w } = owner;
    await page.getByRole("radio", { name: new RegExp(w.care.policy.posts.facilitators.name) }).check({ force: true });
    await page.locator("form").filter({ hasText: w.care.policy.title }).getByRole("button", { name: w.common.save }).click();
    await page.getByText(w.common.saved).first().waitFor();
    await member.page.getByRole("button", { name: member.w.composer.open }).waitFor({ state: "hidden", timeout: CROSS_MS });
    await page.getByRole("radio", { name: new RegExp(w.care.policy.posts.members.name) }).check({ force: true });
    await page.locator("form").filter({ hasText: w.care.policy.title }).getByRole("button", { name: w.common.save }).click();
    await member.page.getByRole("button", { name: member.w.composer.open }).waitFor({ timeout: CROSS_MS });
    none(await broken(page, "the rules of a group"));
  });
});

test("a member is removed while away: sites confirm, and what was written meanwhile waits for its author", async () => {
  const { ann, ben, group } = scene;
  const me = (await ben.api.get("session")).person.id;
  await ann.site.stop();
  await ben.api.write(group.id, "Écrit sans savoir.", { title: "Trop tard" });
  await ben.site.stop();
  await ann.site.restart();

  const owner = await open({ person: ann, path: `/g/${group.id}/members` });
  await play("removed", [owner], async ({ page, w }) => {
    await page.getByRole("button", { name: w.members.roleOf("Ben Carter") }).click();
    await page.getByRole("menuitem", { name: w.members.remove }).click();
    await page.getByRole("dialog").getByRole("button", { name: w.members.remove }).click();
    await page.getByText(w.care.removals.person("Ben Carter")).waitFor();
    await page.getByText(w.care.removals.honestPerson("Lille")).waitFor();
    await page.getByText(w.care.confirmed.away).waitFor();
    none(await broken(page, "a removal"));
    await ben.site.restart();
    await page.getByText(w.care.confirmed.all).waitFor({ timeout: CROSS_MS });
  });

  await within(CROSS_MS, "Ben's site says what did not count", async () => (await ben.api.get("session")).not_delivered === 1);
  const author = await open({ person: ben, size: PHONE, path: "/not-delivered" });
  await play("not-delivered", [author], async ({ page, w }) => {
    await page.getByText("Écrit sans savoir.").waitFor();
    await page.getByText(w.care.undelivered.reasons.removed).waitFor();
    await page.getByText(w.care.undelivered.cannot).waitFor();
    await fits(page);
    none(await broken(page, "not delivered"));
    await page.getByRole("button", { name: w.care.undelivered.dismiss }).click();
    await page.getByRole("dialog").getByRole("button", { name: w.care.undelivered.dismiss }).click();
    await page.getByText(w.care.undelivered.empty).waitFor();
  });
  assert.equal((await ben.api.get("session")).not_delivered, 0);

  await ann.api.post(`groups/${group.id}/members`, { request_id: "b".repeat(26), people: [me], role: "member" });
  await within(CROSS_MS, "Ben is back", async () => (await ben.api.get(`groups/${group.id}`)).role === "member");
  const window = await open({ person: ann, path: `/g/${group.id}` });
  forgive(window, /status of 404/);
  await play("back", [window], async (shown) => {
    await card(shown, "Trop tard").waitFor({ state: "hidden" });
  });
});
