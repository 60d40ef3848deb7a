// Somebody looks for words: in the palette while typing, and on the search screen with filters; on a phone too.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { DESKTOP, open, PHONE, play, fits } from "../support/browser.mjs";
import { found } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let ann;
let group;
before(async () => {
  ann = await found("Angers", "Anne Moreau");
  group = await ann.api.createGroup("Chantiers de l'été");
  const post = await ann.api.write(group.id, "La rentrée à l'**école** <b>Jean</b> est avancée.", { title: "Rentrée" });
  await ann.api.comment(post.id, "Les écoles ferment tôt.");
  const file = await ann.api.upload("plan de l'école.txt", Buffer.from("Le préau est au nord."));
  await ann.api.write(group.id, "Ci-joint le plan.", { files: [file] });
  await within(CROSS_MS, "all can be found", async () => (await ann.api.get("search?q=ecole")).items.length === 3);
});

test("words are found without accents and shown where they stand", async () => {
  await play("search", [await open({ person: ann, path: "/search" })], async ({ page, w }) => {
    await page.getByText(w.search.start).waitFor();
    await page.getByRole("searchbox", { name: w.search.box }).fill("rentree ecole");
    const hit = page.getByRole("main").getByRole("link", { name: /Rentrée/ });
    await hit.waitFor();
    assert.deepEqual(await hit.locator("mark").allTextContents(), ["Rentrée", "rentrée", "école"]);
    assert.match(await hit.textContent(), /<b>Jean<\/b>/, "what people write is no HTML");
    assert.match(page.url(), /\?q=rentree\+ecole$/);
    await hit.click();
    await page.waitForURL(/\/p\//);
    await page.goBack();
    await page.getByRole("main").getByRole("link", { name: /Rentrée/ }).waitFor();
  });
});

test("kinds and filters narrow what is found, and a search is kept", async () => {
  await play("search-filters", [await open({ person: ann, path: "/search?q=ecole" })], async ({ page, w }) => {
    const hits = page.getByRole("main").locator("a.hit");
    await hits.nth(2).waitFor();
    await page.getByText(w.search.kinds.file, { exact: true }).click();
    await hits.nth(1).waitFor({ state: "detached" });
    assert.match(await hits.first().textContent(), /plan de l'école\.txt/);
    await page.getByRole("button", { name: w.search.filters }).click();
    await page.getByLabel(w.search.until).fill("2020-01-01");
    await page.getByText(w.search.none).waitFor();
    await page.getByRole("button", { name: w.search.clear }).click();
    await hits.first().waitFor();
    await page.getByRole("button", { name: w.search.save }).click();
    await page.getByLabel(w.search.saveName).fill("Plans");
    await page.getByRole("button", { name: w.common.save, exact: true }).click();
    await page.getByRole("link", { name: "Plans" }).waitFor();
  });
  assert.deepEqual(await ann.api.get("me/searches"), [{ name: "Plans", query: "q=ecole&kind=file" }]);
});

test("the palette shows what is found as it is typed", async () => {
  await play("search-palette", [await open({ person: ann })], async ({ page, w }) => {
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: w.palette.title }).fill("rentr");
    await page.getByRole("option", { name: /Rentrée/ }).first().waitFor();
    await page.getByRole("option", { name: w.palette.everything("rentr") }).click();
    await page.waitForURL(/\/search\?q=rentr$/);
    await page.getByRole("main").locator("a.hit").first().waitFor();
  });
});

test("the screen is for everybody, in both languages, looks and widths", async () => {
  const findings = [];
  for (const [language, theme, size] of [["fr", "light", DESKTOP], ["en", "dark", PHONE], ["en", "light", DESKTOP], ["fr", "dark", PHONE]]) {
    await ann.api.patch("me", { language, theme });
    for (const path of ["/search", "/search?q=ecole", "/search?q=zzzz", `/search?q=ecole&group=${group.id}`]) {
      await play("search-access", [await open({ person: ann, language, theme, size, path })], async ({ page, w }) => {
        await page.getByRole("searchbox", { name: w.search.box }).waitFor();
        await page.waitForLoadState("networkidle");
        await fits(page);
        findings.push(...(await broken(page, `${path}, ${language}, ${theme}, ${size.width} px`)));
      });
    }
  }
  await ann.api.patch("me", { language: "fr", theme: "system" });
  none(findings);
});
