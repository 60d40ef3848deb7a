// Who administers the organisation, and a site that is suspended, resumed and removed.
import assert from "node:assert/strict";
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
});

async function sudo(window) {
  const asked = window.page.getByRole("dialog", { name: window.w.sudo.title });
  await asked.waitFor({ timeout: 3_000 }).then(
    () => giveSudo(window, PASSWORD),
    () => {},
  );
}

test("a second administrator is proposed and signed in with the password", async () => {
  const { ann, ben } = scene;
  await ben.api.sudo();
  await play("constitution", [await open({ person: ann, path: "/admin/organisation" })], async (window) => {
    const { page, w } = window;
    const c = w.care.constitution;
    await page.getByText(c.lone).waitFor();
    none(await broken(page, "who administers"));
    await page.getByRole("button", { name: c.change }).click();
    const dialog = page.getByRole("dialog", { name: c.change });
    await dialog.getByLabel(c.add).fill("Ben");
    await dialog.getByRole("button", { name: /Ben Carter/ }).click();
    none(await broken(page, "a proposal"));
    await dialog.getByLabel(c.password, { exact: true }).fill(PASSWORD);
    await dialog.getByRole("button", { name: c.propose }).click();
    await sudo(window);
    await page.getByText(c.changedDone).waitFor();
    await page.getByText(c.thresholdOf(1, 2)).waitFor();
  });
  await within(CROSS_MS, "Ben's site knows", async () => (await ben.api.get("session")).can.administer_organisation);
});

test("a site is suspended, resumed, and removed for good, with the removal listed", async () => {
  const { ann } = scene;
  const site = (await ann.api.get("network")).sites[0];
  const windows = [await open({ person: ann, path: `/network/s/${site.id}` }), await open({ person: ann, size: PHONE, path: "/network/removals" })];
  await play("remove-site", windows, async (window, list) => {
    const { page, w } = window;
    const s = w.care.site;
    const menu = () => page.getByRole("button", { name: w.common.moreActions }).click();
    await list.page.getByText(w.care.removals.none, { exact: true }).waitFor();
    await menu();
    await page.getByRole("menuitem", { name: s.suspend }).click();
    await page.getByRole("dialog").getByRole("button", { name: s.suspend }).click();
    await sudo(window);
    await page.getByText(s.states.suspended, { exact: true }).waitFor();
    none(await broken(page, "a suspended site"));
    await menu();
    await page.getByRole("menuitem", { name: s.resume }).click();
    await page.getByText(s.states.suspended, { exact: true }).waitFor({ state: "hidden" });
    await menu();
    await page.getByRole("menuitem", { name: s.remove }).click();
    const dialog = page.getByRole("dialog", { name: s.removeTitle("Lille") });
    await dialog.getByText(s.removeHonest).waitFor();
    none(await broken(page, "removing a site"));
    await dialog.getByLabel(s.removeReason).fill("Agence fermée");
    await dialog.getByRole("button", { name: s.removeAct, exact: true }).click();
    await page.getByText(s.removedDone).waitFor();
    await list.page.reload();
    await list.page.getByText(w.care.removals.site("Lille")).waitFor();
    await list.page.getByText(w.care.removals.honest).waitFor();
    await fits(list.page);
    none(await broken(list.page, "removals"));
  });
  assert.equal((await ann.api.get("network")).sites.find((one) => one.id === site.id)?.removed ?? true, true);
});

test("the site's log tells who did what, to its administrators", async () => {
  const { ann } = scene;
  for (const [theme, size] of [["dark", PHONE], ["light", undefined]]) {
    await play("log", [await open({ person: ann, path: "/admin/log", theme, ...(size && { size }) })], async ({ page, w }) => {
      const log = w.care.audit;
      await page.getByText(log.kinds.organisation_founded).waitFor();
      await page.getByText(log.kinds.pairing_confirmed).first().waitFor();
      assert.equal(await page.getByText(log.broken).count(), 0);
      none(await broken(page, "the site's log"));
      await fits(page);
    });
  }
});
