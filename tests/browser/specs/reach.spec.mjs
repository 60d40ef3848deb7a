// One site as its neighbour sees it: the test of the line, addresses written down, how this site is reached.
import { before, test } from "node:test";
import { giveSudo } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { PASSWORD } from "../support/api.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
});

const line = /\/test$/;

test("the line is tested, an address is noted, and the test says what is wrong when the other machine stops", async () => {
  const { ann, ben } = scene;
  await play("reach-site", [await open({ person: ann, path: "/network" })], async (window) => {
    const { page, w } = window;
    await page.getByRole("link", { name: "Lille", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: "Lille" }).waitFor();
    await page.getByRole("button", { name: w.care.site.test }).click();
    await page.getByText(new RegExp(w.care.test.via.direct)).waitFor({ timeout: CROSS_MS });
    await page.getByText(w.care.test.steps.answer).waitFor();
    none(await broken(page, "a test of the line"));
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: w.care.site.fixedEdit }).click();
    await page.getByLabel(w.care.site.fixed, { exact: true }).fill(`127.0.0.1:${ben.site.peers}`);
    await page.getByRole("button", { name: w.common.save }).click();
    await page.getByRole("dialog", { name: w.sudo.title }).waitFor({ timeout: 3_000 }).then(() => giveSudo(window, PASSWORD), () => {});
    await page.getByText(w.care.site.fixedSaved).waitFor();
    await ben.site.stop();
    await page.getByText(w.network.states.away).first().waitFor({ timeout: CROSS_MS });
    const answer = page.waitForResponse((one) => line.test(one.url()), { timeout: 120_000 });
    await page.getByRole("button", { name: w.care.site.test }).click();
    await answer;
    await page.getByText(w.care.test.via.none).waitFor();
    none(await broken(page, "a test that failed"));
    await ben.site.restart();
  });
});

test("how this site is reached, on a phone", async () => {
  await play("reach-own", [await open({ person: scene.ann, size: PHONE, path: "/network/reach" })], async ({ page, w }) => {
    await page.getByText(w.care.reach.relay, { exact: true }).waitFor();
    await fits(page);
    none(await broken(page, "reach"));
  });
});
