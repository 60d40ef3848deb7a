// A post with a picture crosses from one office's browser to another's, and what is said of it comes back.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { card, post, takePill } from "../support/acts.mjs";
import { open, play } from "../support/browser.mjs";
import { picture } from "../support/picture.mjs";
import { twoSites } from "../support/sites.mjs";

const CROSS = { timeout: 60_000 };
let scene;
before(async () => {
  scene = await twoSites();
});

test("a post with a picture arrives live, under a pill, and its delivery is proved", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("post", windows, async (anne, bens) => {
    await bens.page.getByText(bens.w.feed.groupEmptyTitle).waitFor();
    const photo = { name: "tomates.png", mimeType: "image/png", buffer: picture(1200, 800, 3) };
    await post(anne, "Les **premières tomates** sont mûres.", [photo]);
    const own = card(anne, "premières tomates");
    await own.waitFor();
    assert.equal(await own.locator("strong").textContent(), "premières tomates", "Markdown is rendered");

    await takePill(bens);
    const arrived = card(bens, "premières tomates");
    await arrived.waitFor();
    await arrived.getByText("Anne Moreau").waitFor();
    await arrived.getByText("Angers").first().waitFor();
    const image = arrived.locator("img").first();
    await image.waitFor(CROSS);
    await bens.page.waitForFunction((element) => element.complete && element.naturalWidth > 100, await image.elementHandle(), CROSS);

    await own.getByText(anne.w.delivery.all).waitFor(CROSS);
    await own.getByRole("button", { name: anne.w.delivery.all }).click();
    const list = anne.page.getByRole("dialog", { name: anne.w.delivery.title });
    await list.getByRole("listitem").filter({ hasText: "Lille" }).getByText(anne.w.delivery.at).waitFor();
    await list.getByRole("listitem").filter({ hasText: "Angers" }).getByText(anne.w.delivery.here).waitFor();
    await anne.page.keyboard.press("Escape");
  });
});

test("comments and reactions go both ways", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("comments", windows, async (anne, bens) => {
    await post(anne, "Qui peut arroser samedi ?");
    await takePill(bens);
    const there = card(bens, "Qui peut arroser");
    await there.getByRole("button", { name: bens.w.post.comment, exact: true }).click();
    await there.getByLabel(bens.w.post.commentLabel).fill("I can, before noon.");
    await there.getByRole("button", { name: bens.w.common.send }).click();
    const here = card(anne, "Qui peut arroser");
    await here.getByText("I can, before noon.").waitFor(CROSS);

    await there.getByRole("button", { name: bens.w.post.react, exact: true }).first().click();
    await there.getByRole("button", { name: bens.w.post.emoji["💡"], exact: true }).click();
    await here.getByRole("button", { name: new RegExp(`^${anne.w.post.emoji["💡"]}, `) }).waitFor(CROSS);

    await here.getByRole("button", { name: new RegExp(`^${anne.w.post.emoji["💡"]}, `) }).click();
    await there.getByRole("button", { name: new RegExp(`^${bens.w.post.emoji["💡"]}, ${bens.w.post.reaction("💡", 2)}`) }).waitFor(CROSS);
  });
});

test("one's own post is changed and deleted, at both sites", async () => {
  const { ann, ben, group } = scene;
  const windows = [await open({ person: ann, path: `/g/${group.id}` }), await open({ person: ben, path: `/g/${group.id}` })];
  await play("edit", windows, async (anne, bens) => {
    await post(anne, "Réunion mardi à 9 h.");
    await takePill(bens);
    await card(bens, "Réunion mardi").waitFor();

    await card(anne, "Réunion mardi").getByRole("button", { name: anne.w.common.moreActions }).click();
    await anne.page.getByRole("menuitem", { name: anne.w.common.edit }).click();
    const sheet = anne.page.getByRole("dialog", { name: anne.w.post.editTitle });
    await sheet.locator("textarea").fill("Réunion jeudi à 9 h.");
    await sheet.getByRole("button", { name: anne.w.common.save }).click();
    await card(bens, "Réunion jeudi").getByText(bens.w.post.edited).waitFor(CROSS);

    await card(anne, "Réunion jeudi").getByRole("button", { name: anne.w.common.moreActions }).click();
    await anne.page.getByRole("menuitem", { name: anne.w.common.delete }).click();
    const question = anne.page.getByRole("dialog", { name: anne.w.post.deleteTitle });
    await question.getByRole("button", { name: anne.w.common.delete, exact: true }).click();
    await bens.page.getByText("Réunion jeudi").waitFor({ state: "hidden", ...CROSS });
  });
});
