// What hands do: files dropped and pasted into a post, the keys, and a page that stays under the eyes while posts arrive.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { card } from "../support/acts.mjs";
import { open, play } from "../support/browser.mjs";
import { picture } from "../support/picture.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS } from "../support/wait.mjs";

let ann, ben, group;
before(async () => {
  ({ ann, ben, group } = await twoSites());
});

/** A transfer of files as the browser makes one, from their bytes. */
function carried(page, files) {
  return page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, type, bytes } of given) transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
    return transfer;
  }, files);
}

test("a file that is dropped and a picture that is pasted go with the post", async () => {
  await play("hands-files", [await open({ person: ann, path: `/g/${group.id}` })], async ({ page, w }) => {
    await page.getByRole("button", { name: w.composer.open }).click();
    await page.getByLabel(w.composer.text, { exact: true }).fill("Plan et photo");
    const dropped = await carried(page, [{ name: "plan.txt", type: "text/plain", bytes: [...Buffer.from("trois bacs")] }]);
    const sheet = page.locator(".sheet");
    await sheet.dispatchEvent("dragover", { dataTransfer: dropped });
    await sheet.dispatchEvent("drop", { dataTransfer: dropped });
    await sheet.getByText("plan.txt").waitFor();
    const photo = [{ name: "serre.png", type: "image/png", bytes: [...picture(300, 200, 5)] }];
    await sheet.evaluate((element, transfer) => element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })), await carried(page, photo));
    await page.waitForFunction(([said, count]) => document.querySelector(".sheet").innerText.split(said).length > count, [w.composer.onSite, 2]);
    await sheet.getByRole("button", { name: w.composer.publish, exact: true }).and(page.locator(":visible")).click();
    const own = card({ page }, "Plan et photo");
    await own.getByText("plan.txt").waitFor();
    await own.locator("img").first().waitFor();
  });
  const [posted] = (await ann.api.get(`groups/${group.id}/feed`)).items;
  assert.deepEqual(posted.attachments.map((file) => file.name).sort(), ["plan.txt", "serre.png"]);
});

test("every key of the list does what the list says", async () => {
  for (const text of ["Premier mot", "Deuxième mot", "Troisième mot"]) await ann.api.write(group.id, text);
  await play("hands-keys", [await open({ person: ann, path: "/" })], async ({ page, w }) => {
    await card({ page }, "Premier mot").waitFor();
    const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const focused = () => page.evaluate(() => document.activeElement?.closest("article[data-post]")?.innerText ?? "");
    await press("j");
    assert.match(await focused(), /Troisième mot/);
    await press("j");
    assert.match(await focused(), /Deuxième mot/);
    await press("k");
    assert.match(await focused(), /Troisième mot/);
    await press("c");
    await card({ page }, "Troisième mot").getByLabel(w.post.commentLabel).waitFor();
    await page.waitForFunction(() => document.activeElement?.matches("textarea, input"));
    await page.keyboard.type("jng");
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement?.blur());
    for (const [key, path] of [["g", "/groups"], ["p", "/people"], ["n", "/network"], ["h", "/"]]) {
      await press("g", key);
      await page.waitForURL((url) => url.pathname === path);
      await page.evaluate(() => document.activeElement?.blur());
    }
    await press("g", "s");
    await page.getByRole("searchbox", { name: w.search.box }).and(page.locator(":focus")).waitFor();
    await page.goto(ann.site.address);
    await card({ page }, "Troisième mot").waitFor();
    await press("?");
    await page.getByRole("dialog", { name: w.shortcuts.title }).waitFor();
    await press("Escape");
    await page.getByRole("dialog", { name: w.shortcuts.title }).waitFor({ state: "hidden" });
    await press("n");
    await page.getByLabel(w.composer.text, { exact: true }).fill("Par les touches");
    await press("Control+Enter");
    await card({ page }, "Par les touches").waitFor();
  });
});

test("what is read does not move when posts arrive", async () => {
  for (let n = 0; n < 12; n += 1) await ann.api.write(group.id, `Ligne ${n}\n\n${"mots ".repeat(120)}`);
  const other = await open({ person: ann, path: `/g/${group.id}` });
  await play("hands-still", [other], async ({ page, w }) => {
    const read = card({ page }, "Ligne 8");
    await read.scrollIntoViewIfNeeded();
    const place = async () => (await read.boundingBox()).y;
    const before = await place();
    await ben.api.write(group.id, "Something new");
    await page.getByRole("button", { name: w.feed.fresh(1) }).waitFor({ timeout: CROSS_MS });
    assert.equal(await place(), before);
    await ben.api.write(group.id, "Something more");
    await page.getByRole("button", { name: w.feed.fresh(2) }).waitFor({ timeout: CROSS_MS });
    assert.ok(Math.abs((await place()) - before) < 1, "it stays where it is");
  });
});
