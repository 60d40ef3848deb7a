// What people do on the screens, by the words and roles that they meet.

/** Answers the question for the password, if the act asks for it. */
export async function giveSudo({ page, w }, password) {
  const dialog = page.getByRole("dialog", { name: w.sudo.title });
  await dialog.getByLabel(w.sudo.password, { exact: true }).fill(password);
  await dialog.getByRole("button", { name: w.sudo.confirm }).click();
  await dialog.waitFor({ state: "hidden" });
}

/** Opens the composer of the page shown, writes, and posts. `files`: `{ name, mimeType, buffer }`. */
export async function post({ page, w }, text, files = []) {
  await page.getByRole("button", { name: w.composer.open }).click();
  await page.getByLabel(w.composer.text, { exact: true }).fill(text);
  if (files.length > 0) {
    await page.locator('.sheet input[type="file"][accept="image/*"]:not([capture])').setInputFiles(files);
    await page.locator(".sheet").getByText(w.composer.onSite).first().waitFor();
  }
  await page.locator(".sheet").getByRole("button", { name: w.composer.publish, exact: true }).and(page.locator(":visible")).click();
}

/** The card of the post that holds this text. */
export function card({ page }, text) {
  return page.locator("article[data-post]").filter({ hasText: text });
}

/** Clicks the pill that announces new posts. */
export async function takePill({ page, w }, count = 1) {
  await page.getByRole("button", { name: w.feed.fresh(count) }).click({ timeout: 60_000 });
}

/** Every digit of the comparison on the screen, as one string. */
export async function digits({ page, w }) {
  const shown = page.getByRole("img", { name: new RegExp(`^${w.join.digits}`) });
  await shown.waitFor({ timeout: 60_000 });
  return (await shown.getAttribute("aria-label")).replaceAll(/\D/g, "");
}
