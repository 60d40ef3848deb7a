// A line is cut, and mends: between two sites, and between a browser and its own site.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { card, post } from "../support/acts.mjs";
import { forgive, open, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";

const CROSS = { timeout: 60_000 };
const NO_SITE = [/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/, /WebSocket connection/, /Failed to fetch/];
let scene;
before(async () => {
  scene = await twoSites();
});

test("a site away is said to be, posting goes on, and it catches up by itself", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}` })];
  await play("away", windows, async (anne) => {
    await ben.site.stop();
    await anne.page.getByText(anne.w.net.connected(1, 2)).first().waitFor(CROSS);
    await post(anne, "Lille lira ceci plus tard.");
    const own = card(anne, "Lille lira ceci");
    await own.getByRole("button", { name: anne.w.delivery.kept }).click();
    const list = anne.page.getByRole("dialog", { name: anne.w.delivery.title });
    await list.getByRole("listitem").filter({ hasText: "Lille" }).getByText(anne.w.delivery.away).waitFor();
    await anne.page.keyboard.press("Escape");

    await ben.site.restart();
    await own.getByText(anne.w.delivery.all).waitFor(CROSS);
    await anne.page.getByText(anne.w.net.all(2)).first().waitFor(CROSS);
  });
  const { items } = await ben.api.get(`groups/${group.id}/feed`);
  assert.ok(items.some((item) => item.text === "Lille lira ceci plus tard."));
});

test("what is written while one's own site is gone waits in the outbox, over a closed tab, and leaves by itself", async () => {
  const { ann, ben, group } = scene;
  const first = await open({ person: ann, path: `/g/${group.id}` });
  forgive(first, ...NO_SITE);
  let second;
  await play("outbox", [first], async (anne) => {
    await card(anne, "Lille lira ceci").waitFor();
    await ann.site.stop();
    await anne.page.getByText(anne.w.feed.cut).first().waitFor(CROSS);
    assert.ok(await card(anne, "Lille lira ceci").isVisible(), "reading goes on");
    await post(anne, "Écrit pendant la coupure.");
    await anne.page.locator("article.pending").filter({ hasText: "Écrit pendant la coupure." }).getByText(anne.w.outbox.waiting).waitFor();
    await anne.page.goto("about:blank");

    await ann.site.restart();
    second = await anne.context.newPage();
    await second.goto(`${ann.site.address}/g/${group.id}`);
    await second.locator("article[data-post]").filter({ hasText: "Écrit pendant la coupure." }).waitFor(CROSS);
    assert.equal(await second.locator("article.pending").count(), 0);
  });
  const posts = (await ann.api.get(`groups/${group.id}/feed`)).items.filter((item) => item.text === "Écrit pendant la coupure.");
  assert.equal(posts.length, 1, "it left once");
});
