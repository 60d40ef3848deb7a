// Accessibility by axe: the six main screens in both languages, both themes and both widths, every other in one.
import { before, test } from "node:test";
import { card } from "../support/acts.mjs";
import { broken, none } from "../support/access.mjs";
import { DESKTOP, forgive, open, PHONE, play } from "../support/browser.mjs";
import { picture } from "../support/picture.mjs";
import { Site, twoSites } from "../support/sites.mjs";

let scene;
let ids;
before(async () => {
  scene = await twoSites();
  const { ann, ben, group } = scene;
  const photo = await ann.api.upload("serre.png", picture(960, 640, 2));
  const plan = await ann.api.upload("plan.txt", Buffer.from("Parcelle A, parcelle B."));
  const post = await ann.api.write(group.id, "La serre est **montée**.\n\n- arrosage lundi\n- paillage mardi\n\n> Merci à tous", {
    title: "Des nouvelles du jardin",
    files: [photo, plan],
  });
  await ann.api.comment(post.id, "Qui a la clé ?");
  await ann.api.react(post.id, "👏");
  await ann.api.createGroup("Projet · Toitures", { kind: "project", access: "closed" });
  await ben.api.createGroup("Métier · Accueil", { kind: "trade" });
  const { items } = await ann.api.get("people");
  ids = { post: post.id, person: items.find((person) => person.name === "Ben Carter").id };
});

async function look(name, options, path, ready) {
  const window = await open({ person: scene.ann, ...options, path });
  forgive(window, /status of 4\d\d/);
  const { language = "fr", theme = "light", size = DESKTOP } = options;
  let findings = [];
  await play(`access-${name}`, [window], async ({ page, w }) => {
    await page.locator("h1").first().waitFor();
    await page.waitForLoadState("networkidle");
    await ready?.(page, w, window);
    findings = await broken(page, `${name}, ${language}, ${theme}, ${size.width} px`);
  });
  return findings;
}

const main = () => ({
  feed: "/",
  group: `/g/${scene.group.id}`,
  groups: "/groups",
  people: "/people",
  network: "/network",
  settings: "/settings",
});

for (const language of ["fr", "en"]) {
  for (const theme of ["light", "dark"]) {
    for (const [width, size] of [["desktop", DESKTOP], ["phone", PHONE]]) {
      test(`the main screens, ${language}, ${theme}, ${width}`, async () => {
        await scene.ann.api.patch("me", { language, theme });
        const findings = [];
        for (const [name, path] of Object.entries(main())) findings.push(...(await look(name, { language, theme, size }, path)));
        await scene.ann.api.patch("me", { language: "fr", theme: "system" });
        none(findings);
      });
    }
  }
}

test("every other screen", async () => {
  const { group } = scene;
  const screens = {
    "group-new": ["/groups/new"],
    members: [`/g/${group.id}/members`],
    "members-invite": [`/g/${group.id}/members`, (page, w) => page.getByRole("button", { name: w.members.invite }).click()],
    sources: [`/g/${group.id}/sources`],
    about: [`/g/${group.id}/about`],
    post: [`/p/${ids.post}`],
    person: [`/people/${ids.person}`],
    outbox: ["/outbox"],
    "admin-people": ["/admin/people"],
    "admin-add": ["/admin/people", (page, w) => page.getByRole("button", { name: w.adminPeople.add }).click()],
    "admin-site": ["/admin/site"],
    pair: ["/network/pair"],
    site: ["/network", async (page) => {
      await page.getByRole("link", { name: "Lille", exact: true }).click();
      await page.getByRole("heading", { level: 1, name: "Lille" }).waitFor();
    }],
    reach: ["/network/reach"],
    "not-found": ["/nowhere/at/all"],
    composer: [`/g/${group.id}`, (page, w) => page.getByRole("button", { name: w.composer.open }).click()],
    palette: ["/", (page) => page.keyboard.press("Control+k")],
    shortcuts: ["/", (page) => page.keyboard.press("?")],
    delivery: [`/g/${group.id}`, (page, w, window) => card(window, "La serre").getByRole("button", { name: w.delivery.all }).click()],
    delete: [
      `/g/${group.id}`,
      async (page, w, window) => {
        await card(window, "La serre").getByRole("button", { name: w.common.moreActions }).click();
        await page.getByRole("menuitem", { name: w.common.delete }).click();
      },
    ],
  };
  const findings = [];
  for (const [name, [path, ready]] of Object.entries(screens)) findings.push(...(await look(name, {}, path, ready)));
  none(findings);
});

test("an open invitation of a site, dark", async () => {
  await scene.ann.api.patch("me", { theme: "dark" });
  await scene.ann.api.sudo();
  await scene.ann.api.post("pairing");
  const findings = await look("pair-open", { theme: "dark" }, "/network/pair", (page, w) => page.getByRole("img", { name: w.pairing.qr }).waitFor());
  await scene.ann.api.patch("me", { theme: "system" });
  none(findings);
});

test("the doors: login, an invitation, set-up", async () => {
  const { ann } = scene;
  const { invitation_link } = await ann.api.post("people", { request_id: "a".repeat(26), name: "Claire Petit", email: "claire@harmonie.example" });
  const fresh = await Site.start("Nantes");
  const doors = [
    ["login", ann.site, "/"],
    ["invitation", ann.site, new URL(invitation_link, ann.site.address).pathname],
    ["setup", fresh, "/"],
    ["setup-organisation", fresh, "/", (page, w) => page.getByRole("button", { name: w.setup.create }).click()],
    ["setup-join", fresh, "/", (page, w) => page.getByRole("button", { name: w.setup.join }).click()],
  ];
  const findings = [];
  for (const theme of ["light", "dark"]) {
    for (const [name, site, path, ready] of doors) {
      const window = await open({ site, language: "fr", theme, path });
      forgive(window, /status of 4\d\d/);
      await play(`access-${name}`, [window], async ({ page, w }) => {
        await page.locator("h1").first().waitFor();
        await ready?.(page, w);
        findings.push(...(await broken(page, `${name}, ${theme}`)));
      });
    }
  }
  none(findings);
});

test("cut off from one's site", async () => {
  const window = await open({ person: scene.ben, path: `/g/${scene.group.id}` });
  forgive(window, /./);
  await play("access-cut", [window], async ({ page, w }) => {
    await card(window, "La serre").waitFor();
    await scene.ben.site.stop();
    await page.getByText(w.feed.cut).first().waitFor({ timeout: 60_000 });
    none(await broken(page, "cut off"));
  });
});
