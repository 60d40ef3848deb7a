// What is said on a page: about a passage, answered and settled from site to site, and a page that is erased for good.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { DESKTOP, fits, forgive, open, PHONE, play } from "../support/browser.mjs";
import { atEndOf, choose, kept, makePage, sheet } from "../support/pages.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

const CROSS = { timeout: 60_000 };
let scene;
before(async () => {
  scene = await twoSites();
});

/** Selects the line with this text, and waits until the page knows. */
async function select(window, line) {
  await atEndOf(window, line);
  await window.page.keyboard.press("Shift+Home");
  await window.page.waitForFunction((text) => getSelection().toString() === text, line);
  // The editor hears of it by an event, which comes before the next picture.
  await window.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))));
}

/** Says something about the line with this text. */
async function say(window, line, words) {
  const { page, w } = window;
  await select(window, line);
  await page.getByRole("button", { name: w.paper.tools.comment }).click();
  await page.getByLabel(w.paper.comments.write).fill(words);
  await page.getByRole("button", { name: w.paper.comments.send }).click();
  await card(window, words.replaceAll("*", "")).waitFor();
}

/** The passages that are marked are these, soon. */
async function marked({ page }, ...passages) {
  const all = (wanted) => {
    // Somebody's cursor may stand in the passage, and bears a name.
    const bare = (passage) => {
      const own = passage.cloneNode(true);
      for (const caret of own.querySelectorAll(".caret")) caret.remove();
      return own.textContent;
    };
    return JSON.stringify([...document.querySelectorAll(".sheet .commented")].map(bare)) === wanted;
  };
  await page.waitForFunction(all, JSON.stringify(passages));
}

/** Does something with what was said first on a card. */
async function act(window, words, label) {
  await card(window, words).getByRole("button", { name: window.w.paper.comments.actions }).first().click();
  await window.page.getByRole("menuitem", { name: label, exact: true }).click();
}

function card({ page }, words) {
  return page.locator("aside article").filter({ hasText: words });
}

/** What may be done with what was said fits on one line. */
async function one(window, words) {
  const height = await card(window, words).locator(".acts").first().evaluate((acts) => acts.getBoundingClientRect().height);
  assert.ok(height < 60, `the acts of a comment take ${height} px`);
}

test("a comment stands by its passage at both sites, is answered, moves with the text, and is settled", async () => {
  const windows = await Promise.all([open({ person: scene.ann }), open({ person: scene.ben })]);
  await play("pagecomments-two", windows, async (anne, bens) => {
    const path = await makePage(anne, scene.group, "Plan");
    await sheet(anne).click();
    await anne.page.keyboard.type("Titre\nTomates en mars\nFin");
    await kept(anne);
    await within(CROSS_MS, "the page is at Lille", () => scene.ben.api.get(`pages/${path.split("/")[2]}`));
    await bens.page.goto(scene.ben.site.address + path);
    await sheet(bens).getByText("Fin").waitFor(CROSS);
    await say(anne, "Tomates en mars", "Pas trop **tôt** ?");
    await marked(anne, "Tomates en mars");

    // At the other site: the same passage, and an answer by keyboard alone.
    await sheet(bens).locator(".commented", { hasText: "Tomates en mars" }).waitFor(CROSS);
    await card(bens, "Pas trop tôt ?").locator("strong").waitFor();
    await card(bens, "Pas trop tôt ?").getByRole("button", { name: bens.w.paper.comments.reply, exact: true }).press("Enter");
    await bens.page.keyboard.type("Under glass, no.");
    await bens.page.keyboard.press("Tab");
    await bens.page.keyboard.press("Enter");
    await card(anne, "Under glass, no.").waitFor(CROSS);

    // The passage is known again when the text around it moves.
    await atEndOf(bens, "Titre");
    await bens.page.keyboard.type(" du jardin\nnouvelle ligne");
    await kept(bens);
    await sheet(anne).getByText("nouvelle ligne").waitFor(CROSS);
    await marked(anne, "Tomates en mars");

    await card(bens, "Pas trop tôt ?").getByRole("button", { name: bens.w.paper.comments.resolve }).click();
    await anne.page.getByText(anne.w.paper.comments.resolved(1)).waitFor(CROSS);
    await marked(anne);
    await anne.page.getByText(anne.w.paper.comments.resolved(1)).click();
    await anne.page.getByText(anne.w.paper.comments.resolvedBy("Ben Carter")).waitFor();
    await card(anne, "Pas trop tôt ?").getByRole("button", { name: anne.w.paper.comments.reopen }).click();
    await sheet(bens).locator(".commented", { hasText: "Tomates en mars" }).waitFor(CROSS);

    // Its words are one's own to change, and the facilitators' to delete.
    await act(anne, "Pas trop tôt ?", anne.w.paper.comments.edit);
    await anne.page.getByLabel(anne.w.paper.comments.text).fill("Pas trop tard ?");
    await anne.page.keyboard.press("Tab");
    await anne.page.keyboard.press("Enter");
    await card(bens, "Pas trop tard ?").waitFor(CROSS);
    assert.equal(await card(bens, "Pas trop tard ?").getByRole("button", { name: bens.w.paper.comments.actions }).count(), 1, "Ben's own answer only");

    await select(anne, "Tomates en mars");
    await anne.page.keyboard.press("Delete");
    await card(anne, "Pas trop tard ?").getByText(anne.w.paper.comments.lost).waitFor();
    await act(anne, "Pas trop tard ?", anne.w.paper.comments.delete);
    await anne.page.getByRole("dialog").getByRole("button", { name: anne.w.paper.comments.delete, exact: true }).click();
    await card(bens, "Pas trop tard ?").waitFor({ state: "detached", ...CROSS });
  });
});

test("an administrator erases a page for good, and it is gone at both sites", async () => {
  const windows = await Promise.all([open({ person: scene.ann }), open({ person: scene.ben })]);
  for (const window of windows) forgive(window, /status of 404/);
  await play("pagecomments-erase", windows, async (anne, bens) => {
    const { page, w } = anne;
    const path = await makePage(anne, scene.group, "À oublier");
    const id = path.split("/")[2];
    await sheet(anne).click();
    await page.keyboard.type("Un secret");
    await kept(anne);
    await within(CROSS_MS, "the page is at Lille", () => scene.ben.api.get(`pages/${id}`));
    await bens.page.goto(scene.ben.site.address + path);
    await sheet(bens).getByText("Un secret").waitFor(CROSS);
    await choose(anne, w.post.erase);
    await page.getByRole("dialog", { name: w.care.erase.pageTitle }).getByLabel(w.care.erase.reason).fill("Demande");
    await page.getByRole("dialog").getByRole("button", { name: w.care.erase.act }).click();
    await page.getByText(w.care.erase.done).waitFor();
    await page.waitForURL(/\/pages$/);
    await bens.page.getByText(bens.w.paper.page.closedTitle).or(bens.page.getByText(bens.w.errors.codes.not_found)).first().waitFor(CROSS);
    await within(CROSS_MS, "it is gone at Lille", async () => (await scene.ben.api.get(`groups/${scene.group.id}/pages`)).items.every((one) => one.id !== id));
    await page.goto(`${scene.ann.site.address}/admin/erasures`);
    await page.getByText(w.care.erasures.what.page).first().waitFor();
  });
});

test("comments obey the rules of access, wide and narrow, light and dark, in both languages", async () => {
  const { ann, group } = scene;
  const first = await open({ person: ann });
  let path;
  await play("pagecomments-scene", [first], async () => {
    path = await makePage(first, group, "Compte rendu");
    await sheet(first).click();
    await first.page.keyboard.type("Un passage\nUn autre");
    await kept(first);
    await say(first, "Un passage", "Premier");
    await say(first, "Un autre", "Second");
    await one(first, "Second");
    await say(first, "Un autre", "À effacer");
    await act(first, "À effacer", first.w.post.erase);
    await first.page.getByRole("dialog", { name: first.w.care.erase.commentTitle }).getByRole("button", { name: first.w.care.erase.act }).click();
    await card(first, "À effacer").waitFor({ state: "detached" });
    await card(first, "Second").getByRole("button", { name: first.w.paper.comments.resolve }).click();
  });
  const findings = [];
  for (const [language, theme, size] of [["fr", "light", DESKTOP], ["en", "dark", DESKTOP], ["fr", "dark", PHONE], ["en", "light", PHONE]]) {
    await ann.api.patch("me", { language, theme });
    const window = await open({ person: ann, language, theme, size, path });
    await play("pagecomments-access", [window], async ({ page, w }) => {
      const at = `${language}, ${theme}, ${size.width} px`;
      await sheet(window).locator(".commented").waitFor();
      if (size === PHONE) await page.getByRole("button", { name: w.paper.page.panel }).click();
      await page.getByText(w.paper.comments.resolved(1)).click();
      await card(window, "Second").waitFor();
      findings.push(...(await broken(page, `comments, ${at}`)));
      await card(window, "Premier").getByRole("button", { name: w.paper.comments.reply, exact: true }).click();
      findings.push(...(await broken(page, `answering, ${at}`)));
      await fits(page);
    });
  }
  await ann.api.patch("me", { language: "fr", theme: "system" });
  none(findings);
});
