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
