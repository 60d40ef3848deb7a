// Makes the pictures of docs/images anew: two sites with life in them, wide and narrow, light and dark.
// Run by `tests/run browser --screenshots`; an exit code other than 0 means that no picture can be trusted.
import { mkdirSync } from "node:fs";
import { dirname, join as at } from "node:path";
import { fileURLToPath } from "node:url";
import { card } from "./support/acts.mjs";
import { closeBrowser, DESKTOP, open, PHONE } from "./support/browser.mjs";
import { picture } from "./support/picture.mjs";
import { dropAll, found, join, Site } from "./support/sites.mjs";
import { CROSS_MS, within } from "./support/wait.mjs";

const images = at(dirname(fileURLToPath(import.meta.url)), "../../docs/images");

async function scene() {
  const ann = await found("Angers", "Anne Moreau");
  // As after the first day: the keys are in a safe place, and no reminder stands above every page.
  await ann.api.post("admin/recovery/confirm", { keys: (await ann.api.get("admin/recovery")).keys });
  await ann.api.patch("me", { title: "Responsable de la vie résidentielle" });
  const ben = await join(ann, "Lille", "Bastien Leroy");
  const claire = await join(ann, "Nantes", "Claire Petit");
  await ben.api.patch("me", { title: "Gardien" });
  const kinds = [
    ["Métier · Gardiennage", "trade", "Entraide des gardiens et gardiennes, d'un site à l'autre."],
    ["Projet · Toitures 2027", "project", "Suivre les chantiers de toiture jusqu'à la réception."],
    ["Thème · Jardins partagés", "theme", "Semis, récoltes et bons voisins."],
    ["Produit · Résidences seniors", "product", "Tout sur l'offre, de la visite au service."],
    ["Visibilité · On parle de nous", "visibility", "Ce que la presse et les réseaux disent de nous."],
  ];
  const groups = [];
  for (const [name, kind, purpose] of kinds) groups.push(await ann.api.createGroup(name, { kind, purpose }));
  for (const person of [ben, claire]) {
    for (const group of groups.slice(0, 4)) {
      await within(CROSS_MS, "the group is joined", () => person.api.post(`groups/${group.id}/join`));
    }
  }
  const garden = groups[2];
  await within(CROSS_MS, "all sites share the group", async () => (await ann.api.get(`groups/${garden.id}`)).sites.length === 3);
  const older = await claire.api.write(garden.id, "Qui aurait **des plants de courgette** en trop ? Nous ouvrons douze parcelles samedi.");
  await within(CROSS_MS, "it arrives", () => ben.api.get(`posts/${older.id}`));
  await ben.api.comment(older.id, "Une vingtaine à Lille, je les mets au camion de mardi.");
  const photo = await ben.api.upload("serre.png", picture(1200, 420, 4));
  const post = await ben.api.write(garden.id, "La serre de la cour est montée, avec l'aide de six locataires :\n\n- arrosage le lundi et le jeudi\n- les outils sont dans le local vélo", {
    title: "La serre est prête",
    files: [photo],
  });
  await within(CROSS_MS, "the picture arrives", async () => (await ann.api.get(`posts/${post.id}`)).attachments[0]?.state === "here");
  await ann.api.react(post.id, "👏");
  await ann.api.comment(post.id, "Bravo ! On passe voir vendredi.");
  await within(CROSS_MS, "all have it", async () => (await ann.api.get(`posts/${post.id}`)).delivery.received === 3);
  await within(CROSS_MS, "sites are equal", async () => (await ann.api.get("network")).sites.every((site) => site.up_to_date !== null));
  return { ann, ben, claire, garden, post };
}

async function shot(name, options, ready) {
  const window = await open(options);
  const { page } = window;
  await page.locator("h1").first().waitFor();
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => document.fonts.ready);
  await ready?.(window);
  await page.mouse.move(0, 0);
  const path = at(images, name.includes(".") ? name : `${name}.png`);
  await page.screenshot({ path, ...(path.endsWith(".jpg") ? { quality: 82 } : {}) });
  console.log(path);
  await window.context.close();
}

mkdirSync(images, { recursive: true });
const { ann, garden } = await scene();
const looks = [
  ["desktop", "light", DESKTOP],
  ["desktop", "dark", DESKTOP],
  ["phone", "light", PHONE],
  ["phone", "dark", PHONE],
];
const posts = async (window) => {
  await card(window, "La serre est prête").locator("img").first().waitFor();
  await window.page.waitForFunction(() => [...document.querySelectorAll("article img")].every((image) => image.complete));
};
for (const [width, theme, size] of looks) {
  await ann.api.patch("me", { theme });
  await shot(`group-${width}-${theme}`, { person: ann, theme, size, path: `/g/${garden.id}` }, posts);
  await shot(`feed-${width}-${theme}`, { person: ann, theme, size, path: "/" }, posts);
  await shot(`network-${width}-${theme}`, { person: ann, theme, size, path: "/network" });
}
await ann.api.patch("me", { theme: "light" });
await ann.api.sudo();
await ann.api.post("pairing");
await shot("pair-desktop-light", { person: ann, path: "/network/pair" }, ({ page, w }) => page.getByRole("img", { name: w.pairing.qr }).waitFor());
const fresh = await Site.start("Tours");
// A drawing of many shades: a tenth of the size as JPEG.
await shot("setup-desktop-light.jpg", { site: fresh, language: "fr" });
await closeBrowser();
dropAll();
process.exit(0);
