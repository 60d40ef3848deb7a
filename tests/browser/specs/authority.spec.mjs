// What an administrator of the organisation does where a site's own people cannot: somebody moves to another site, and
// a group is given an owner.
import { before, test } from "node:test";
import { broken, none } from "../support/access.mjs";
import { PASSWORD, requestId } from "../support/api.mjs";
import { fits, open, PHONE, play } from "../support/browser.mjs";
import { twoSites } from "../support/sites.mjs";
import { CROSS_MS, within } from "../support/wait.mjs";

let scene;
before(async () => {
  scene = await twoSites();
  await scene.ann.api.sudo();
});

test("a person moves to another site, gets an account there, and logs in", async () => {
  const { ann, ben } = scene;
  await ben.api.sudo();
  const { person } = await ben.api.post("people", { request_id: requestId(), name: "Chloé Petit", email: "chloe@lille.example" });
  await within(CROSS_MS, "Angers knows Chloé", () => ann.api.get(`people/${person.id}`));
  const email = "chloe@angers.example";
  const windows = [await open({ person: ann, path: `/people/${person.id}` }), await open({ site: ann.site, language: "fr", size: PHONE })];
  await play("move-person", windows, async (window, fresh) => {
    const { page, w } = window;
    const p = w.care.person;
    await page.getByRole("button", { name: p.rehomeAct, exact: true }).click();
    const move = page.getByRole("dialog", { name: p.rehomeTitle("Chloé Petit") });
    await move.getByLabel(p.rehomeTo).selectOption({ label: "Angers" });
    none(await broken(page, "moving a person"));
    await move.getByRole("button", { name: p.rehomeAct, exact: true }).click();
    await page.getByRole("button", { name: p.welcomeAct, exact: true }).click();
    const welcome = page.getByRole("dialog", { name: p.welcome });
    await welcome.getByLabel(w.adminPeople.email).fill(email);
    none(await broken(page, "an account for who moved"));
    await welcome.getByRole("button", { name: w.adminPeople.create }).click();
    const link = await page.getByRole("dialog").getByLabel(w.adminPeople.link).inputValue();
    await fresh.page.goto(link);
    await fresh.page.getByLabel(fresh.w.setup.password, { exact: true }).fill(PASSWORD);
    await fits(fresh.page);
    await fresh.page.getByRole("button", { name: fresh.w.invitation.enter }).click();
    await fresh.page.getByRole("heading", { name: fresh.w.feed.title }).waitFor();
    // Who is not logged in is asked for it first.
    fresh.forgiven.push(/status of 401/);
  });
  const home = async () => (await ben.api.get(`people/${person.id}`)).site.name;
  await within(CROSS_MS, "Lille knows the new home", async () => (await home()) === "Angers");
});

test("a group is given an owner by the organisation's administrator, and its members see it", async () => {
  const { ann, ben } = scene;
  const group = await ben.api.createGroup("Métier · Gardiens");
  await within(CROSS_MS, "the group is known at Angers", () => ann.api.get(`groups/${group.id}`));
  await play("appoint", [await open({ person: ann, path: `/g/${group.id}/about` })], async (window) => {
    const { page, w } = window;
    const a = w.care.appoint;
    await page.getByText(a.lead).waitFor();
    none(await broken(page, "naming an owner"));
    await page.getByLabel(a.who).fill("Anne");
    await page.getByRole("button", { name: /Anne Moreau/ }).click();
    await page.getByRole("dialog", { name: a.confirmTitle("Anne Moreau") }).getByRole("button", { name: a.act, exact: true }).click();
    await page.getByText(a.done("Anne Moreau")).waitFor();
  });
  const owners = async () =>
    (await ben.api.get(`groups/${group.id}/members`)).filter((member) => member.role === "owner").map((member) => member.person.name);
  await within(CROSS_MS, "Lille sees two owners", async () => (await owners()).length === 2);
});

test("two recovery keys give the organisation an administrator at another site, when its own is lost", async () => {
  const { ann, ben } = scene;
  const { keys } = await ann.api.get("admin/recovery");
  await ann.site.stop();
  await ben.api.sudo();
  for (const [theme, size] of [["dark", PHONE], ["light", undefined]]) {
    await play("recovery-look", [await open({ person: ben, path: "/admin/site", theme, ...(size && { size }) })], async ({ page, w }) => {
      await page.getByRole("button", { name: w.recovery.take }).click();
      await page.getByLabel(w.recovery.takeKeys).waitFor();
      none(await broken(page, "taking the organisation in hand"));
      await fits(page);
    });
  }
  await play("recovery-use", [await open({ person: ben, path: "/admin/site" })], async (window) => {
    const { page, w } = window;
    await page.getByRole("button", { name: w.recovery.take }).click();
    const field = page.getByLabel(w.recovery.takeKeys);
    await field.fill(`${keys[0]}\n${keys[1].slice(0, -1)}`);
    await page.getByRole("button", { name: w.recovery.takeSure }).click();
    await page.getByText(w.errors.codes.recovery_keys_wrong).waitFor();
    window.forgiven.push(/status of 422/);
    await field.fill(`${keys[0]}\n\n${keys[1].toUpperCase()}`);
    await page.getByRole("button", { name: w.recovery.takeSure }).click();
    await page.getByText(w.recovery.taken).waitFor();
  });
  const named = (constitution) => constitution.admins.map((admin) => admin.name);
  await within(CROSS_MS, "Ben administers", async () => named(await ben.api.get("admin/constitution")).join() === "Ben Carter");
  await ann.site.restart();
  await within(CROSS_MS, "Anne's site hears of it", async () => !(await ann.api.get("session")).can.administer_organisation);
});
