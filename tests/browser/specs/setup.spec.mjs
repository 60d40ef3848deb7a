// A fresh node: an organisation is founded by hand, in French and in English.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD } from "../support/api.mjs";
import { fits, open, play } from "../support/browser.mjs";
import { Site } from "../support/sites.mjs";

async function foundByHand(language) {
  const site = await Site.start("Angers");
  const window = await open({ site, language });
  await play(`setup-${language}`, [window], async ({ page, w }) => {
    await page.getByRole("heading", { name: w.setup.title }).waitFor();
    await page.getByRole("button", { name: w.setup.create }).click();
    await page.getByLabel(w.setup.organisation).fill("Harmonie Habitat");
    await page.getByLabel(w.setup.site).fill("Angers");
    await page.getByRole("button", { name: w.common.next }).click();
    await page.getByLabel(w.setup.name).fill("Anne Moreau");
    await page.getByLabel(w.setup.email).fill("anne@harmonie.example");

    // A weak password is refused where it was typed, and nothing is lost.
    await page.getByLabel(w.setup.password, { exact: true }).fill("motdepasse");
    await page.getByRole("button", { name: w.setup.finish }).click();
    await page.getByRole("alert").waitFor();
    assert.equal(await page.getByLabel(w.setup.name).inputValue(), "Anne Moreau");

    await page.getByLabel(w.setup.password, { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: w.setup.finish }).click();
    await page.getByRole("heading", { name: w.recovery.title }).waitFor();
    assert.equal(await page.locator("ol code").count(), 3, "three recovery keys are offered");
    await page.getByRole("button", { name: w.recovery.stored }).click();

    await page.getByRole("heading", { name: w.feed.title }).waitFor();
    await page.getByText("Harmonie Habitat").first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), language);
    await fits(page);
    window.forgiven.push(/status of 4\d\d/);
  });

  // The door is closed for good: who comes next logs in.
  const next = await open({ site, language });
  await play(`login-${language}`, [next], async ({ page, w }) => {
    await page.getByRole("heading", { name: w.login.title }).waitFor();
    await page.getByLabel(w.login.email).fill("anne@harmonie.example");
    await page.getByLabel(w.login.password, { exact: true }).fill("something else");
    await page.getByRole("button", { name: w.login.enter }).click();
    await page.getByText(w.errors.codes.bad_login).waitFor();
    await page.getByLabel(w.login.password, { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: w.login.enter }).click();
    await page.getByRole("heading", { name: w.feed.title }).waitFor();
    next.forgiven.push(/status of 4\d\d/);
  });
  site.drop();
}

test("an organisation is founded by hand, in French", () => foundByHand("fr"));
test("an organisation is founded by hand, in English", () => foundByHand("en"));
