// Erasing for good: gone at every site, with each site's word for it, and held back by a legal hold.
import { before, test } from "node:test";
import { card, giveSudo } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { PASSWORD } from "../support/api.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
});

test("an author erases a post for good, and both sites say that they have done it", async () => {
  const { ann, ben, group } = scene;
  const post = await ann.api.write(group.id, "Le code de la porte est 4821.", { title: "Code de la porte" });
  await within(CROSS_MS, "it arrives", () => ben.api.get(`posts/${post.id}`));
  const windows = [await open({ person: ann, path: `/g/${group.id}` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("erase", windows, async (author, reader) => {
    const { page, w } = author;
    await card(reader, "Code de la porte").waitFor();
    await card(author, "Code de la porte").getByRole("button", { name: w.common.moreActions }).click();
    await page.getByRole("menuitem", { name: w.post.erase }).click();
    const dialog = page.getByRole("dialog", { name: w.care.erase.postTitle });
    await dialog.getByText(w.care.erase.own).waitFor();
    none(await broken(page, "erasing"));
    await dialog.getByLabel(w.care.erase.reason).fill("Un code y figurait");
    await dialog.getByRole("button", { name: w.care.erase.act }).click();
    await page.getByText(w.care.erase.done).waitFor();
    await page.getByText(w.post.erasedPost).waitFor();
    await reader.page.getByText(reader.w.post.erasedPost).waitFor({ timeout: CROSS_MS });
    await page.goto(`${ann.site.address}/admin/erasures`);
    await page.getByText("Un code y figurait").waitFor();
    await page.getByText(w.care.erasures.states.done).first().waitFor({ timeout: CROSS_MS });
    none(await broken(page, "erasures"));
  });
});

test("a legal hold is ordered and lifted, and a retention is set, on a phone", async () => {
  const { ann, group } = scene;
  await play("hold", [await open({ person: ann, size: PHONE, path: `/g/${group.id}/about` })], async (window) => {
    const { page, w } = window;
    await page.getByRole("button", { name: w.care.retention.holdStart }).click();
    const dialog = page.getByRole("dialog", { name: w.care.retention.holdStartTitle });
    await dialog.getByLabel(w.care.retention.reason).fill("Contrôle en cours");
    await dialog.getByRole("button", { name: w.care.retention.holdStart }).click();
    await page.getByRole("dialog", { name: w.sudo.title }).waitFor({ timeout: 3_000 }).then(() => giveSudo(window, PASSWORD), () => {});
    await page.getByText(w.group.held).waitFor();
    await fits(page);
    none(await broken(page, "a held group"));
    await page.getByRole("button", { name: w.care.retention.holdEnd }).click();
    const lift = page.getByRole("dialog", { name: w.care.retention.holdEndTitle });
    await lift.getByLabel(w.care.retention.reason).fill("Contrôle fini");
    await lift.getByRole("button", { name: w.care.retention.holdEnd }).click();
    await page.getByText(w.group.held).waitFor({ state: "hidden" });
    await page.getByRole("radio", { name: new RegExp(w.care.retention.days) }).check({ force: true });
    await page.getByLabel(w.care.retention.daysField, { exact: true }).fill("400");
    await page.locator("form").filter({ hasText: w.care.retention.hold }).getByRole("button", { name: w.common.save }).click();
    await page.getByRole("dialog", { name: w.care.retention.shorterTitle(400) }).getByRole("button", { name: w.care.retention.shorterAct }).click();
    await page.getByText(w.common.saved).first().waitFor();
  });
  await within(CROSS_MS, "the retention is kept", async () => (await ann.api.get(`groups/${group.id}`)).retention.days === 400);
});
