// Two administrators bring a site in, each at their own screen.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { digits, giveSudo } from "../support/acts.mjs";
import { PASSWORD } from "../support/api.mjs";
import { open, play } from "../support/browser.mjs";
import { found, Site } from "../support/sites.mjs";

const CROSS = { timeout: 60_000 };
/** A site that does not answer is called twice, for half a minute each time, before it counts as not reachable. */
const GIVEN_UP = { timeout: 120_000 };
let ann;
before(async () => {
  ann = await found("Angers", "Anne Moreau");
});

/** Anne opens an invitation; its text and its link come back. */
async function invite(window) {
  const { page, w } = window;
  await page.getByRole("button", { name: w.pairing.create }).or(page.getByRole("button", { name: w.pairing.another })).click();
  await page.getByRole("img", { name: w.pairing.qr }).waitFor();
  return {
    text: await page.getByLabel(w.pairing.text).inputValue(),
    link: await page.getByLabel(w.pairing.link, { exact: true }).inputValue(),
  };
}

test("both screens show the same digits, both confirm, and the new site makes its first person", async () => {
  const lille = await Site.start("Lille");
  const own = { ...ann, api: ann.site.api() };
  await own.api.logIn(ann.email); // A login of its own, which has not given the password again yet.
  const windows = [await open({ person: own, path: "/network" }), await open({ site: lille, language: "en" })];
  await play("pairing", windows, async (here, there) => {
    await here.page.getByRole("link", { name: here.w.network.pair }).first().click();
    await here.page.getByRole("button", { name: here.w.pairing.create }).click();
    await giveSudo(here, PASSWORD);
    await here.page.getByRole("img", { name: here.w.pairing.qr }).waitFor();
    const text = await here.page.getByLabel(here.w.pairing.text).inputValue();

    await there.page.getByRole("button", { name: there.w.setup.join }).click();
    await there.page.getByLabel(there.w.join.invitation).fill(text);
    await there.page.getByLabel(there.w.setup.site).fill("Lille");
    await there.page.getByRole("button", { name: there.w.join.start }).click();

    const [shownHere, shownThere] = await Promise.all([digits(here), digits(there)]);
    assert.equal(shownHere, shownThere);
    assert.match(shownHere, /^\d{6}$/);
    await here.page.getByText(here.w.pairing.compareText("Lille")).waitFor();
    await there.page.getByText(there.w.join.compareText("Anne Moreau", "Angers")).waitFor();

    await here.page.getByRole("button", { name: here.w.pairing.confirm }).click();
    await there.page.getByRole("button", { name: there.w.join.same }).click();
    await there.page.getByText(there.w.join.doneTitle("Harmonie Habitat")).waitFor(CROSS);
    await here.page.getByText(here.w.pairing.pairedTitle("Lille")).waitFor(CROSS);

    await there.page.getByRole("button", { name: there.w.common.next }).click();
    await there.page.getByRole("heading", { name: there.w.setup.firstTitle }).waitFor();
    await there.page.getByLabel(there.w.setup.name).fill("Ben Carter");
    await there.page.getByLabel(there.w.setup.email).fill("ben@harmonie.example");
    await there.page.getByLabel(there.w.setup.password, { exact: true }).fill(PASSWORD);
    await there.page.getByRole("button", { name: there.w.setup.firstFinish }).click();
    await there.page.getByRole("heading", { name: there.w.feed.title }).waitFor();

    // Each sees the other as connected.
    await here.page.getByRole("link", { name: here.w.pairing.toNetwork }).click();
    await here.page.getByRole("row", { name: /Lille/ }).getByText(here.w.network.states.connected).waitFor(CROSS);
    await there.page.goto(`${lille.address}/network`);
    await there.page.getByRole("row", { name: /Angers/ }).getByText(there.w.network.states.connected).waitFor(CROSS);
    here.forgiven.push(/status of 4\d\d/);
    there.forgiven.push(/status of 4\d\d/);
  });
});

test("digits that differ end the pairing on both screens, and say which step failed", async () => {
  const nantes = await Site.start("Nantes");
  const windows = [await open({ person: ann, path: "/network/pair" }), await open({ site: nantes, language: "en" })];
  await play("pairing-differ", windows, async (here, there) => {
    const { text } = await invite(here);
    await there.page.goto(`${nantes.address}/join#${text}`);
    await there.page.getByLabel(there.w.setup.site).fill("Nantes");
    await there.page.getByRole("button", { name: there.w.join.start }).click();
    await Promise.all([digits(here), digits(there)]);
    await there.page.getByRole("button", { name: there.w.join.differ }).click();
    await there.page.getByText(there.w.errors.codes.pair_digits_differ).waitFor(CROSS);
    await there.page.getByText(there.w.join.failedAt(there.w.join.steps.compare)).waitFor();
    await here.page.getByText(here.w.join.failedTitle).waitFor(CROSS);

    // Starting again is one click away.
    await there.page.getByRole("button", { name: there.w.join.again }).click();
    await there.page.getByLabel(there.w.join.invitation).waitFor();
    here.forgiven.push(/status of 4\d\d/);
    there.forgiven.push(/status of 4\d\d/);
  });
  nantes.drop();
});

test("an invitation that is none, or was taken back, says what to try", async () => {
  const tours = await Site.start("Tours");
  const windows = [await open({ person: ann, path: "/network/pair" }), await open({ site: tours, language: "en" })];
  await play("pairing-bad", windows, async (here, there) => {
    const { text } = await invite(here);
    await here.page.getByRole("button", { name: here.w.pairing.cancel }).click();
    await here.page.getByText(here.w.pairing.cancelled).waitFor();

    await there.page.getByRole("button", { name: there.w.setup.join }).click();
    const tryWith = async (invitation, words) => {
      await there.page.getByLabel(there.w.join.invitation).fill(invitation);
      await there.page.getByLabel(there.w.setup.site).fill("Tours");
      await there.page.getByRole("button", { name: there.w.join.start }).click();
      await there.page.getByText(words).waitFor(GIVEN_UP);
      await there.page.getByRole("button", { name: there.w.join.again }).click();
    };
    await tryWith("not an invitation at all", there.w.errors.codes.pair_wrong_code);
    await tryWith(text, new RegExp([there.w.errors.codes.pair_used, there.w.errors.codes.pair_expired, there.w.errors.codes.pair_refused, there.w.errors.codes.pair_unreachable].map((words) => words.slice(0, 30)).join("|")));
    here.forgiven.push(/status of 4\d\d/);
    there.forgiven.push(/status of 4\d\d/);
  });
  tours.drop();
});
