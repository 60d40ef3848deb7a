// An administrator invites somebody, who chooses a password, finds a group and joins it; and the administrator suspends.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { PASSWORD } from "../support/api.mjs";
import { open, play } from "../support/browser.mjs";
import { found } from "../support/sites.mjs";

let ann;
let link;
before(async () => {
  ann = await found("Angers", "Anne Moreau");
});

test("an invitation link is made for a new person", async () => {
  await play("invite", [await open({ person: ann, path: "/admin/people" })], async ({ page, w }) => {
    await page.getByRole("button", { name: w.adminPeople.add }).click();
    const sheet = page.getByRole("dialog", { name: w.adminPeople.add });
    await sheet.getByLabel(w.adminPeople.name).fill("Claire Petit");
    await sheet.getByLabel(w.adminPeople.email).fill("claire@harmonie.example");
    await sheet.getByLabel(w.adminPeople.role).fill("Gardienne");
    await sheet.getByRole("button", { name: w.adminPeople.create }).click();
    const shown = page.getByRole("dialog", { name: w.adminPeople.linkTitle("Claire Petit") });
    link = await shown.getByLabel(w.adminPeople.link).inputValue();
    assert.ok(link.startsWith(`${ann.site.address}/invitation/`), link);
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: /Claire Petit/ }).getByText(w.personStates.invited).waitFor();
  });
});

test("an owner creates a group, and the person invited finds it and joins", async () => {
  const windows = [await open({ person: ann, path: "/groups/new" }), await open({ site: ann.site, language: "fr", path: new URL(link).pathname })];
  await play("join-group", windows, async (anne, claires) => {
    await anne.page.getByText(anne.w.kinds.theme.name, { exact: true }).click();
    await anne.page.getByLabel(anne.w.groupNew.name).fill("Vie de la résidence");
    await anne.page.getByLabel(anne.w.groupNew.purpose).fill("Ce qui se passe chez nous.");
    await anne.page.getByText(anne.w.access.open.name, { exact: true }).click();
    await anne.page.getByRole("button", { name: anne.w.groupNew.create }).click();
    await anne.page.getByRole("heading", { name: /Vie de la résidence/ }).waitFor();

    await claires.page.getByRole("heading", { name: claires.w.invitation.title("Claire") }).waitFor();
    await claires.page.getByLabel(claires.w.setup.password, { exact: true }).fill(PASSWORD);
    await claires.page.getByRole("button", { name: claires.w.invitation.enter }).click();
    await claires.page.getByRole("heading", { name: claires.w.feed.title }).waitFor();

    await claires.page.getByRole("link", { name: claires.w.nav.groups, exact: true }).first().click();
    await claires.page.getByRole("button", { name: new RegExp(`^${claires.w.groups.join}`) }).first().click();
    await claires.page.getByText(claires.w.groups.joined(`${claires.w.kinds.theme.name} · Vie de la résidence`)).waitFor();
    claires.forgiven.push(/status of 401/);
  });
  const { mine } = await (async () => {
    const claire = ann.site.api();
    await claire.logIn("claire@harmonie.example");
    return claire.get("groups");
  })();
  assert.ok(mine.some((group) => group.name.includes("Vie de la résidence")), "she is in the group");
});

test("the link works once", async () => {
  await play("link-used", [await open({ site: ann.site, language: "fr", path: new URL(link).pathname })], async (window) => {
    const { page, w } = window;
    await page.getByText(w.errors.codes.invitation_unknown).waitFor();
    window.forgiven.push(/status of 4\d\d/);
  });
});

test("a suspended person is out at once", async () => {
  const claire = ann.site.api();
  await claire.logIn("claire@harmonie.example");
  await play("suspend", [await open({ person: ann, path: "/admin/people" })], async ({ page, w }) => {
    await page.getByRole("button", { name: `${w.adminPeople.actions} : Claire Petit` }).click();
    await page.getByRole("menuitem", { name: w.adminPeople.suspend }).click();
    const question = page.getByRole("dialog", { name: w.adminPeople.suspendTitle("Claire Petit") });
    await question.getByRole("button", { name: w.adminPeople.suspend, exact: true }).click();
    await page.getByRole("row", { name: /Claire Petit/ }).getByText(w.personStates.suspended).waitFor();
  });
  await assert.rejects(claire.get("session"), /401/);
  await assert.rejects(claire.logIn("claire@harmonie.example"), /401|403/);
});
