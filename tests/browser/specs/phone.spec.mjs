// Everything on a phone of 390 px: read, write with the composer over the whole screen, find one's way, never sideways.
import { before, test } from "node:test";
import { card, post } from "../support/acts.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { picture } from "../support/picture.mjs";
import { twoSites } from "../support/sites.mjs";

let scene;
before(async () => {
  scene = await twoSites();
  await scene.ann.api.write(scene.group.id, "Un-mot-qui-ne-se-coupe-pas-".repeat(12), { title: "Un long mot" });
});

test("a caretaker reads and posts with a photo", async () => {
  const { ann, group } = scene;
  await play("phone-post", [await open({ person: ann, size: PHONE, path: `/g/${group.id}` })], async (window) => {
    const { page, w } = window;
    await card(window, "Un long mot").waitFor();
    await fits(page);
    await post(window, "Vu du téléphone.", [{ name: "cour.png", mimeType: "image/png", buffer: picture(900, 1200, 5) }]);
    await card(window, "Vu du téléphone.").locator("img").first().waitFor();
    await fits(page);
    await page.locator('nav a[href="/"]:visible').click();
    await page.getByRole("heading", { name: w.feed.title }).waitFor();
    await fits(page);
  });
});

test("no screen is wider than the phone", async () => {
  const { ann, group } = scene;
  const paths = ["/", "/groups", "/groups/new", `/g/${group.id}/members`, `/g/${group.id}/sources`, `/g/${group.id}/about`, "/people", "/network", "/network/pair", "/network/reach", "/settings", "/outbox", "/admin/people", "/admin/site"];
  for (const size of [PHONE, { width: 360, height: 740 }]) {
    const window = await open({ person: ann, size });
    await play("phone-fits", [window], async ({ page }) => {
      for (const path of paths) {
        await page.goto(ann.site.address + path);
        await page.locator("h1").first().waitFor();
        await page.waitForLoadState("networkidle");
        await fits(page);
      }
      window.forgiven.push(/status of 403/);
    });
  }
});
