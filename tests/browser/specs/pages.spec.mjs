// Pages written together: two browsers at two sites, cuts, what waits, who may only read, phones, and what is pasted.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { close, DESKTOP, fits, forgive, open, PHONE, play } from "../support/browser.mjs";
import { atEndOf, kept, lines, makePage, paste, sheet } from "../support/pages.mjs";
import { picture } from "../support/picture.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

const CROSS = { timeout: 60_000 };
const NO_SITE = [/ERR_CONNECTION_REFUSED/, /ERR_EMPTY_RESPONSE/, /ERR_CONNECTION_RESET/, /WebSocket connection/, /Failed to fetch/];
let scene;
before(async () => {
  scene = await twoSites();
});

/** A page of Anne's that Ben's site has too, with this text, open at both. */
async function shared(title, text) {
  const { ann, ben, group } = scene;
  const anne = await open({ person: ann });
  const path = await makePage(anne, group, title);
  await sheet(anne).click();
  await anne.page.keyboard.type(text);
  await kept(anne);
  const id = path.split("/")[2];
  await within(CROSS_MS, "the page is at Lille", () => ben.api.get(`pages/${id}`));
  const bens = await open({ person: ben, path });
  await sheet(bens).waitFor(CROSS);
  for (const line of text.split("\n").filter(Boolean)) await sheet(bens).getByText(line.replace(/^[#>-]+ |^\[ \] /, "")).first().waitFor(CROSS);
  return { anne, bens, path, id };
}

test("two people at two sites write in one page, and each sees the other's text", async () => {
  const { anne, bens, id } = await shared("Plan du jardin", "# Semis\nTomates en mars");
  await play("pages-two", [anne, bens], async () => {
    await atEndOf(anne, "Tomates en mars");
    await atEndOf(bens, "Semis");
    await Promise.all([anne.page.keyboard.type(", sous abri", { delay: 30 }), bens.page.keyboard.type(" and harvest", { delay: 30 })]);
    await sheet(anne).getByText("Semis and harvest").waitFor(CROSS);
    await sheet(bens).getByText("Tomates en mars, sous abri").waitFor(CROSS);
    await Promise.all([kept(anne), kept(bens)]);
    assert.deepEqual(await lines(anne), ["h2:Semis and harvest", "p:Tomates en mars, sous abri"]);
    assert.deepEqual(await lines(bens), await lines(anne));
    await within(CROSS_MS, "both nodes have the same document", async () => {
      const [here, there] = await Promise.all([scene.ann.api.get(`pages/${id}`), scene.ben.api.get(`pages/${id}`)]);
      return String(here.heads) === String(there.heads);
    });

    // Undo takes back one's own words only.
    await bens.page.keyboard.press("Control+z");
    await sheet(anne).getByText(/^Semis( and)?( harves)?$/).waitFor(CROSS);
    assert.ok((await lines(bens)).includes("p:Tomates en mars, sous abri"));

    const times = [];
    await atEndOf(bens, "Tomates en mars");
    for (let i = 0; i < 15; i++) {
      const mark = String.fromCodePoint(0x2460 + i);
      const seen = anne.page.waitForFunction((sign) => document.querySelector(".sheet").textContent.includes(sign), mark, { polling: "raf", ...CROSS });
      const start = performance.now();
      await bens.page.keyboard.insertText(mark);
      await seen;
      times.push(Math.round(performance.now() - start));
      await anne.page.waitForTimeout(300);
    }
    times.sort((a, b) => a - b);
    console.log(`key at Lille to screen at Angers, ms: median ${times[7]}, worst ${times[14]}, all ${times.join(" ")}`);
  });
});

test("scripts: the feed stays small, the editor comes when a page is opened", async () => {
  const window = await open({ person: scene.ann, path: `/g/${scene.group.id}` });
  await play("pages-sizes", [window], async ({ page }) => {
    const size = (kind) =>
      page.evaluate(
        (end) => performance.getEntriesByType("resource").filter((one) => new RegExp(end).test(one.name)).reduce((sum, one) => sum + one.encodedBodySize, 0),
        kind,
      );
    await page.waitForLoadState("networkidle");
    const feed = await size("\\.js$");
    assert.equal(await size("\\.wasm$"), 0, "nothing of the editor before a page is opened");
    await makePage(window, scene.group, "Mesure");
    const [all, wasm] = [await size("\\.js$"), await size("\\.wasm$")];
    const [js, engine] = [all, wasm].map((bytes) => Math.round(bytes / 1000));
    console.log(`as sent (brotli): group's feed ${Math.round(feed / 1000)} kB of script; with a page open ${js} kB and ${engine} kB of WebAssembly`);
    assert.ok(feed < 150_000, `${feed} bytes of script for a feed`);
  });
});

test("Markdown signs, lists and boxes are written from the keyboard and stand at the other site", async () => {
  const { anne, bens } = await shared("Chantier", "Avant");
  await play("pages-forms", [anne, bens], async () => {
    await atEndOf(anne, "Avant");
    await anne.page.keyboard.type("\n## Contrôles\n[ ] hauteur\nsolin\n\n- un\nsous");
    await anne.page.keyboard.press("Tab");
    await anne.page.keyboard.type("\n\n\n> dit\n\n**gras** et `code`\n---fin");
    await kept(anne);
    const expected = ["p:Avant", "h3:Contrôles", "todo0:hauteur", "todo0:solin", "bullet0:un", "bullet1:sous", "blockquote:dit", "p:gras et code", "hr:", "p:fin"];
    assert.deepEqual(await lines(anne), expected);
    await sheet(bens).getByText("fin", { exact: true }).waitFor(CROSS);
    assert.deepEqual(await lines(bens), expected);
    await sheet(bens).getByRole("checkbox").nth(1).check();
    await sheet(anne).locator(".todo.done", { hasText: "solin" }).waitFor(CROSS);
    await anne.page.getByRole("button", { name: "Contrôles" }).click();
  });
});

test("what is pasted from a word processor and a web page keeps its structure", async () => {
  const window = await open({ person: scene.ann });
  await play("pages-paste", [window], async () => {
    await makePage(window, scene.group, "Collages");
    await sheet(window).click();
    const word = `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p{margin:0}</style></head><body><!--StartFragment-->
      <h1>Compte rendu</h1><p class=MsoNormal>Avec du <b>gras</b> et <span style='font-weight:700'>encore</span>.<o:p></o:p></p>
      <p class=MsoListParagraphCxSpFirst style='mso-list:l0 level1 lfo1'><span style='mso-list:Ignore'>·<span>&nbsp;</span></span>premier</p>
      <p class=MsoListParagraphCxSpLast style='mso-list:l0 level2 lfo1'><span style='mso-list:Ignore'>o<span>&nbsp;</span></span>dessous</p><!--EndFragment--></body></html>`;
    await paste(window, { html: word });
    assert.deepEqual((await lines(window)).filter((line) => !line.endsWith(":")), ["h2:Compte rendu", "p:Avec du gras et encore.", "bullet0:premier", "bullet1:dessous"]);
    assert.deepEqual(await sheet(window).locator("strong").allTextContents(), ["gras", "encore"]);
    await window.page.keyboard.press("Control+a");
    const web = `<div><h2>Un</h2><div>Bloc <a href="https://exemple.fr/">lien</a> <a href="javascript:alert(1)">piège</a></div><ol><li><p>a</p></li><li>b<ul><li>c</li></ul></li></ol>
      <blockquote><p>q1</p><p>q2</p></blockquote><table><tr><td>x</td><td>y</td></tr></table><pre>code
  ici</pre><script>alert(1)</script><img src="https://exemple.fr/i.png" alt="plan"></div>`;
    await paste(window, { html: web });
    assert.deepEqual((await lines(window)).filter((line) => !line.endsWith(":")), ["h3:Un", "p:Bloc lien piège", "ordered0:a", "ordered0:b", "bullet1:c", "blockquote:q1", "blockquote:q2", "p:x | y", "pre:code\n  ici", "p:[plan]"]);
    assert.equal(await sheet(window).locator("a").count(), 1);
    await window.page.keyboard.press("Control+a");
    await paste(window, { text: "# Titre\n- [x] fait\n- **deux**" });
    assert.deepEqual((await lines(window)).filter((line) => !line.endsWith(":")), ["h2:Titre", "todo0:fait", "bullet0:deux"]);
    await kept(window);
  });
});

test("a long paste leaves in pieces that the site takes", async () => {
  const window = await open({ person: scene.ann });
  await play("pages-long", [window], async () => {
    const path = await makePage(window, scene.group, "Long");
    await sheet(window).click();
    const text = Array.from({ length: 400 }, (_, i) => `Ligne ${i} ${"mot ".repeat(20)}`).join("\n\n");
    await paste(window, { text });
    await kept(window, 60_000);
    const page = await scene.ann.api.get(`pages/${path.split("/")[2]}`);
    assert.ok(page.text_chars > 30_000, `${page.text_chars} characters`);
  });
});

test("a picture and a mention reach the other site", async () => {
  const { anne, bens } = await shared("Images", "Voir ici");
  // The picture's bytes follow the text on their own lane.
  forgive(bens, /status of 404/);
  await play("pages-picture", [anne, bens], async () => {
    await atEndOf(anne, "Voir ici");
    await anne.page.keyboard.type(" @Ben Ca");
    await anne.page.getByRole("option", { name: /Ben Carter/ }).waitFor(CROSS);
    await anne.page.keyboard.press("Enter");
    await sheet(bens).locator(".mention", { hasText: "@Ben Carter" }).waitFor(CROSS);
    await anne.page.locator('.tools input[type="file"]').first().setInputFiles([{ name: "cour.png", mimeType: "image/png", buffer: picture(640, 400, 6) }]);
    const there = sheet(bens).locator("img[src]").first();
    await there.waitFor({ state: "attached", ...CROSS });
    await kept(anne);
  });
});

test("what is written while the site is gone waits, survives the closed tab and leaves by itself", async () => {
  const { anne, bens, path } = await shared("Coupure", "Avant la coupure");
  forgive(anne, ...NO_SITE);
  forgive(bens, ...NO_SITE);
  await play("pages-cut", [anne, bens], async () => {
    await scene.ann.site.stop();
    await anne.page.locator('[data-line="cut"]').waitFor(CROSS);
    await atEndOf(anne, "Avant la coupure");
    await anne.page.keyboard.type(", et pendant");
    await anne.page.getByText(anne.w.paper.state.cut).first().waitFor();
    await anne.page.waitForFunction(() => Number(document.querySelector("[data-waiting]").dataset.waiting) > 0);
    await atEndOf(bens, "Avant la coupure");
    await bens.page.keyboard.type(" (Lille aussi)");
    await kept(bens);
    // The tab is closed and another screen is opened: nothing of the page is shown, and it leaves.
    await anne.page.goto("about:blank");
    await scene.ann.site.restart();
    await anne.page.goto(`${scene.ann.site.address}/groups`);
    await sheet(bens).getByText(/et pendant/).waitFor(CROSS);
    await anne.page.goto(scene.ann.site.address + path);
    await sheet(anne).getByText(/Lille aussi/).waitFor(CROSS);
    await kept(anne);
    assert.deepEqual(await lines(anne), await lines(bens));
  });
});

test("sites apart: both go on writing, and both have everything when they meet again", async () => {
  const { anne, bens } = await shared("Séparés", "Commun");
  forgive(bens, ...NO_SITE);
  await play("pages-apart", [anne, bens], async () => {
    await scene.ben.site.stop();
    await bens.page.locator('[data-line="cut"]').waitFor(CROSS);
    await atEndOf(anne, "Commun");
    await anne.page.keyboard.type(" angevin");
    await kept(anne);
    await atEndOf(bens, "Commun");
    await bens.page.keyboard.press("Home");
    await bens.page.keyboard.type("Lillois ");
    await scene.ben.site.restart();
    await sheet(anne).getByText("Lillois Commun angevin").waitFor(CROSS);
    await sheet(bens).getByText("Lillois Commun angevin").waitFor(CROSS);
    await Promise.all([kept(anne), kept(bens, 60_000)]);
    assert.deepEqual(await lines(bens), await lines(anne));
  });
});

test("who may only read reads, live, and cannot write", async () => {
  const { ann, ben, group } = scene;
  const { anne, bens, id } = await shared("Lecture", "À lire");
  const me = (await ben.api.get("session")).person.id;
  await play("pages-reader", [anne, bens], async () => {
    await ann.api.patch(`groups/${group.id}/members/${me}`, { role: "reader" });
    await within(CROSS_MS, "Lille knows the role", async () => (await ben.api.get(`pages/${id}`)).may.edit === false);
    await bens.page.reload();
    await bens.page.getByText(bens.w.paper.page.readOnlyText).waitFor(CROSS);
    assert.equal(await bens.page.locator(".sheet[contenteditable=true]").count(), 0);
    await atEndOf(anne, "À lire");
    await anne.page.keyboard.type(" encore");
    await bens.page.locator(".sheet").getByText("À lire encore").waitFor(CROSS);
    await ann.api.patch(`groups/${group.id}/members/${me}`, { role: "member" });
    await within(CROSS_MS, "Lille knows it again", async () => (await ben.api.get(`pages/${id}`)).may.edit === true);
  });
});

test("a title, the trash and the way back", async () => {
  const { ann, group } = scene;
  const window = await open({ person: ann });
  await play("pages-trash", [window], async ({ page, w }) => {
    await makePage(window, group, "Brouillon");
    await page.getByLabel(w.paper.page.title).fill("Compte rendu de mars");
    await page.getByLabel(w.paper.page.title).press("Enter");
    await page.getByRole("button", { name: w.paper.page.actions }).click();
    await page.getByRole("menuitem", { name: w.paper.page.delete }).click();
    await page.getByRole("dialog").getByRole("button", { name: w.paper.page.delete, exact: true }).click();
    await page.getByRole("radio", { name: w.paper.list.trash }).or(page.getByRole("button", { name: w.paper.list.trash })).first().click();
    await page.getByRole("button", { name: w.paper.list.restoreOf("Compte rendu de mars") }).click();
    await page.getByText(w.paper.list.restored("Compte rendu de mars")).waitFor();
  });
});

test("the screens of pages obey the rules of access, wide and narrow, light and dark, in both languages", async () => {
  const { ann, group } = scene;
  const made = await open({ person: ann });
  const path = await makePage(made, group, "Accès");
  await sheet(made).click();
  await made.page.keyboard.type("# Un\nTexte **gras**.\n[ ] case\n\n- puce\n\n> dit\n\n```let a;");
  await kept(made);
  await close(made);
  const findings = [];
  for (const [language, theme, size] of [["fr", "light", DESKTOP], ["en", "dark", DESKTOP], ["fr", "dark", PHONE], ["en", "light", PHONE]]) {
    await ann.api.patch("me", { language, theme });
    const window = await open({ person: ann, language, theme, size, path });
    await play("pages-access", [window], async ({ page, w }) => {
      const at = `${language}, ${theme}, ${size.width} px`;
      await sheet(window).waitFor();
      findings.push(...(await broken(page, `page, ${at}`)));
      await fits(page);
      if (size === PHONE) {
        await page.getByRole("button", { name: w.paper.page.panel }).click();
        findings.push(...(await broken(page, `panel, ${at}`)));
      }
      await page.goto(`${ann.site.address}/g/${group.id}/pages`);
      await page.getByRole("button", { name: w.paper.list.create }).first().waitFor();
      findings.push(...(await broken(page, `list, ${at}`)));
      await fits(page);
      await page.getByRole("button", { name: w.paper.list.create }).first().click();
      findings.push(...(await broken(page, `new page, ${at}`)));
    });
  }
  await ann.api.patch("me", { language: "fr", theme: "system" });
  none(findings);
});
