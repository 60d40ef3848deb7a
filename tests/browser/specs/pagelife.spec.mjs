// What surrounds the text of a page: what it begins with, files in and out, its history, who wrote what.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { DESKTOP, fits, open, PHONE, play } from "../support/browser.mjs";
import { atEndOf, choose, kept, lines, makePage, menu, sheet } from "../support/pages.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

const CROSS = { timeout: 60_000 };
let scene;
before(async () => {
  scene = await twoSites();
});

/** What a click makes the browser save: its name and its text. */
async function saved({ page }, click) {
  const download = page.waitForEvent("download");
  await click();
  const file = await download;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), "utf8") };
}

test("a page begins with a template in one's own language, and is written on", async () => {
  const windows = await Promise.all([open({ person: scene.ann }), open({ person: scene.ben })]);
  await play("pagelife-template", windows, async (anne, bens) => {
    await makePage(anne, scene.group, "Réunion de mars", "minutes");
    assert.deepEqual((await lines(anne)).slice(0, 2), ["h2:Présents", "bullet0:"]);
    assert.ok((await lines(anne)).includes("todo0:Quoi, qui, pour quand"));
    await sheet(anne).locator(".bullet").first().click();
    await anne.page.keyboard.type("Anne, Ben");
    await kept(anne);
    assert.equal((await lines(anne))[1], "bullet0:Anne, Ben");
    for (const [template, first] of [["minutes", "h2:Present"], ["project", "h2:Aim"], ["practice", "h2:The problem"], ["checklist", "p:When and by whom:"]]) {
      await makePage(bens, scene.group, `From ${template}`, template);
      assert.equal((await lines(bens))[0], first);
    }
  });
});

test("a page leaves as Markdown and as HTML, and a Markdown file becomes a page", async () => {
  const window = await open({ person: scene.ann });
  await play("pagelife-files", [window], async ({ page, w }) => {
    await makePage(window, scene.group, "Plan du jardin");
    await sheet(window).click();
    await page.keyboard.type("# Semis\nTomates **en mars**\n[ ] arroser\n\n- un\n");
    await kept(window);
    const markdown = await saved(window, () => choose(window, w.paper.page.exportMd));
    assert.equal(markdown.name, "Plan du jardin.md");
    assert.match(markdown.text, /^# Plan du jardin\n\n## Semis\n\nTomates \*\*en mars\*\*\n\n- \[ \] arroser\n/);
    const html = await saved(window, () => choose(window, w.paper.page.exportHtml));
    assert.equal(html.name, "Plan du jardin.html");
    assert.match(html.text, /<h1>Plan du jardin<\/h1>\s*<h2 class="level-1">Semis<\/h2>/);

    await page.goto(`${window.site.address}/g/${scene.group.id}/pages`);
    await page.getByRole("button", { name: w.paper.list.create }).first().click();
    const input = page.getByRole("dialog").locator('input[type="file"]');
    await input.setInputFiles([{ name: "photo.md", mimeType: "text/markdown", buffer: Buffer.from([0xff, 0xfe, 0, 1]) }]);
    await page.getByRole("alert").filter({ hasText: w.paper.create.unreadable }).waitFor();
    await input.setInputFiles([{ name: "plan.md", mimeType: "text/markdown", buffer: Buffer.from(markdown.text) }]);
    await page.getByText(w.paper.create.taken("plan.md")).waitFor();
    assert.equal(await page.getByLabel(w.paper.create.name, { exact: true }).inputValue(), "Plan du jardin");
    await page.getByRole("button", { name: w.paper.create.make }).click();
    await sheet(window).waitFor();
    assert.deepEqual((await lines(window)).filter((line) => !line.endsWith(":")), ["h2:Semis", "p:Tomates en mars", "todo0:arroser", "bullet0:un"]);
  });
});

test("the history shows who wrote when, what changed, and brings an older state back at both sites", async () => {
  const windows = await Promise.all([open({ person: scene.ann }), open({ person: scene.ben })]);
  await play("pagelife-history", windows, async (anne, bens) => {
    const path = await makePage(anne, scene.group, "Fiche", "practice");
    const id = path.split("/")[2];
    await within(CROSS_MS, "the page is at Lille", () => scene.ben.api.get(`pages/${id}`));
    await bens.page.goto(scene.ben.site.address + path);
    await sheet(bens).getByText("Le problème").waitFor(CROSS);
    await atEndOf(bens, "Le problème");
    await bens.page.keyboard.type(" : leaking taps");
    await kept(bens);
    await sheet(anne).getByText("Le problème : leaking taps").waitFor(CROSS);

    const { page, w } = anne;
    await page.getByRole("button", { name: w.paper.history.open }).click();
    const dialog = page.getByRole("dialog", { name: w.paper.history.title });
    await dialog.getByText(w.paper.history.by("Ben Carter")).waitFor();
    await dialog.getByText(w.paper.history.by("Anne Moreau")).waitFor();
    await dialog.getByRole("listitem").nth(1).getByRole("button").click();
    await dialog.getByText("Ce que l’on constate").or(dialog.getByText("Ce que l'on constate")).waitFor();
    await dialog.getByText(w.paper.history.since, { exact: true }).click();
    await dialog.locator("ins", { hasText: "leaking taps" }).waitFor();
    await dialog.getByText(w.paper.history.text, { exact: true }).click();
    await dialog.getByRole("button", { name: w.paper.history.restore }).click();
    await page.getByRole("dialog").last().getByRole("button", { name: w.paper.history.restore }).click();
    await page.getByText(w.paper.history.restored).waitFor();
    await bens.page.waitForFunction(() => !document.querySelector(".sheet").textContent.includes("leaking"), null, CROSS);
    await anne.page.waitForFunction(() => !document.querySelector(".sheet").textContent.includes("leaking"), null, CROSS);
    assert.deepEqual(await lines(bens), await lines(anne));

    // What was replaced is still there.
    await page.getByRole("button", { name: w.paper.history.open }).click();
    await dialog.getByRole("listitem").nth(1).getByRole("button").click();
    await dialog.getByText("leaking taps").waitFor();
    await dialog.getByText(w.paper.history.before, { exact: true }).click();
    await dialog.locator("ins", { hasText: "leaking taps" }).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });
});

test("who wrote what is shown in the text, with names", async () => {
  const windows = await Promise.all([open({ person: scene.ann }), open({ person: scene.ben })]);
  await play("pagelife-authors", windows, async (anne, bens) => {
    const path = await makePage(anne, scene.group, "À deux mains");
    await sheet(anne).click();
    await anne.page.keyboard.type("Écrit par Anne");
    await kept(anne);
    await within(CROSS_MS, "the page is at Lille", () => scene.ben.api.get(`pages/${path.split("/")[2]}`));
    await bens.page.goto(scene.ben.site.address + path);
    await sheet(bens).getByText("Écrit par Anne").waitFor(CROSS);
    await atEndOf(bens, "Écrit par Anne");
    await bens.page.keyboard.type(" and by Ben");
    await kept(bens);
    await sheet(anne).getByText("and by Ben").waitFor(CROSS);
    await choose(anne, anne.w.paper.authors.show);
    const legend = anne.page.getByRole("region").or(anne.page.locator("aside section")).filter({ hasText: anne.w.paper.authors.legend }).first();
    await legend.getByText("Anne Moreau · Angers").waitFor();
    await legend.getByText("Ben Carter · Lille").waitFor();
    await sheet(anne).locator(".written").first().waitFor();
    // Ben's cursor may stand in his words: it parts them, and bears his name.
    const drawn = await sheet(anne).locator(".written").evaluateAll((pieces) => {
      const words = new Map();
      for (const piece of pieces) {
        const who = [...piece.classList].find((name) => name.startsWith("who-"));
        const bare = piece.cloneNode(true);
        for (const caret of bare.querySelectorAll(".caret")) caret.remove();
        words.set(who, (words.get(who) ?? "") + bare.textContent);
      }
      return [...words.values()];
    });
    assert.deepEqual(drawn, ["Écrit par Anne", " and by Ben"]);
    await choose(anne, anne.w.paper.authors.hide);
    await sheet(anne).locator(".written").first().waitFor({ state: "detached" });
  });
});

test("these screens obey the rules of access, wide and narrow, light and dark, in both languages", async () => {
  const { ann, group } = scene;
  const first = await open({ person: ann });
  let path;
  await play("pagelife-scene", [first], async () => {
    path = await makePage(first, group, "Compte rendu", "minutes");
    await sheet(first).locator(".bullet").first().click();
    await first.page.keyboard.type("Anne");
    await kept(first);
  });
  const findings = [];
  for (const [language, theme, size] of [["fr", "light", DESKTOP], ["en", "dark", DESKTOP], ["fr", "dark", PHONE], ["en", "light", PHONE]]) {
    await ann.api.patch("me", { language, theme });
    const window = await open({ person: ann, language, theme, size, path });
    await play("pagelife-access", [window], async ({ page, w }) => {
      const at = `${language}, ${theme}, ${size.width} px`;
      await sheet(window).waitFor();
      await choose(window, w.paper.authors.show);
      await sheet(window).locator("[class*='who-']").first().waitFor();
      findings.push(...(await broken(page, `authors, ${at}`)));
      await (await menu(window)).waitFor();
      findings.push(...(await broken(page, `menu, ${at}`)));
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: w.paper.history.open }).click();
      const dialog = page.getByRole("dialog", { name: w.paper.history.title });
      await dialog.getByRole("listitem").nth(1).waitFor();
      findings.push(...(await broken(page, `history, ${at}`)));
      await dialog.getByRole("listitem").nth(1).getByRole("button").click();
      await dialog.getByText(w.paper.history.since, { exact: true }).click();
      await dialog.locator("ins").first().waitFor();
      findings.push(...(await broken(page, `comparison, ${at}`)));
      await fits(page);
    });
  }
  await ann.api.patch("me", { language: "fr", theme: "system" });
  none(findings);
});
