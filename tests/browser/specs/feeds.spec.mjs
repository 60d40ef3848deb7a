// A group follows a feed: its items become automatic posts, once each, at both sites.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, play } from "../support/browser.mjs";
import { feedServer } from "../support/feeds.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

const CROSS = { timeout: CROSS_MS };
let scene;
let feed;
before(async () => {
  scene = await twoSites("Métier · Gardiennage");
  feed = await feedServer("Le Journal du logement");
  feed.add("Une loi sur les ascenseurs", "Les contrôles changent au printemps.");
  feed.add("Fibre : les travaux avancent", "Trois résidences de plus.");
});
after(async () => {
  await feed.close();
});

test("an inner address is refused until an administrator allows its origin", async () => {
  const { ann, group } = scene;
  const window = await open({ person: ann, path: `/g/${group.id}/sources` });
  await play("feed-refused", [window], async ({ page, w }) => {
    await page.getByLabel(w.sources.url).fill(feed.url);
    await page.getByRole("button", { name: w.sources.check }).click();
    await page.getByText(w.errors.codes.feed_refused_address).waitFor();
    assert.equal(feed.asked.whole, 0, "nothing was asked of it");

    await page.goto(`${ann.site.address}/admin/site`);
    await page.getByLabel(w.adminSite.origins).fill(feed.origin);
    await page.getByRole("button", { name: w.common.save, exact: true }).first().click();
    await page.getByText(w.common.saved).waitFor();
    window.forgiven.push(/status of 4\d\d/);
  });
});

test("a feed is looked at, followed, and its items arrive at both sites", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}/sources` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("feed", windows, async (anne, bens) => {
    await anne.page.getByLabel(anne.w.sources.url).fill(feed.url);
    await anne.page.getByRole("button", { name: anne.w.sources.check }).click();
    await anne.page.getByRole("heading", { name: "Le Journal du logement" }).waitFor();
    await anne.page.getByText("Une loi sur les ascenseurs").waitFor();
    await anne.page.getByRole("button", { name: anne.w.sources.add }).click();
    await anne.page.getByText(anne.w.sources.healthy).waitFor(CROSS);

    await within(CROSS_MS, "both items at Lille", async () => (await ben.api.get(`groups/${group.id}/feed`)).items.length === 2);
    await bens.page.reload();
    const shown = bens.page.locator("article[data-post]").first();
    await shown.getByText(bens.w.post.automatic).waitFor();
    // The second of a source that posts twice in a row is folded.
    await bens.page.getByRole("button", { name: bens.w.feed.moreFrom(1, "Le Journal du logement") }).click();
    assert.equal(await bens.page.locator("article[data-post]").count(), 2);
    assert.equal(await bens.page.locator("article[data-post] script").count(), 0);
  });
});

test("what is new comes at the next reading, and nothing comes twice", async () => {
  const { ann, ben, group } = scene;
  feed.add("Un prix pour les jardins", "Le jury est unanime.");
  const window = await open({ person: ann, path: `/g/${group.id}/sources` });
  await play("feed-again", [window], async ({ page, w }) => {
    const poll = async () => {
      await page.getByRole("listitem").filter({ hasText: feed.url }).getByRole("button", { name: w.common.moreActions }).click();
      await page.getByRole("menuitem", { name: w.sources.poll }).click();
      await page.getByText(w.sources.polled).first().waitFor(CROSS);
    };
    await poll();
    await within(CROSS_MS, "the third item at Lille", async () => (await ben.api.get(`groups/${group.id}/feed`)).items.length === 3);
    await poll();
  });
  await within(CROSS_MS, "an unchanged feed is asked for and not sent again", async () => feed.asked.unchanged >= 1);
  for (const api of [ann.api, ben.api]) {
    const titles = (await api.get(`groups/${group.id}/feed`)).items.map((item) => item.title);
    assert.equal(new Set(titles).size, 3);
    assert.equal(titles.length, 3);
  }
});
