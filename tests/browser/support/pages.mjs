// Pages as people meet them: opening one, its text, what its state says, and pasting from elsewhere.

/** Makes a page by its screen and waits until it can be written in. */
export async function makePage(window, group, title, template = "blank") {
  const { page, w } = window;
  await page.goto(`${window.site.address}/g/${group.id}/pages`);
  await page.getByRole("button", { name: w.paper.list.create }).first().click();
  await page.getByLabel(w.paper.create.name, { exact: true }).fill(title);
  await page.getByRole("radio", { name: w.paper.create.templates[template].name }).check();
  await page.getByRole("button", { name: w.paper.create.make }).click();
  await sheet(window).waitFor();
  return new URL(page.url()).pathname;
}

/** Opens the menu of the page. */
export async function menu({ page, w }) {
  await page.getByRole("button", { name: w.paper.page.actions }).click();
  return page.getByRole("menu");
}

/** Chooses something in the menu of the page. */
export async function choose(window, label) {
  await (await menu(window)).getByRole("menuitem", { name: label, exact: true }).click();
}

/** The text that is written in. */
export function sheet({ page, w }) {
  return page.getByRole("textbox", { name: w.paper.page.text });
}

/** Puts the cursor at the end of the line with this text. */
export async function atEndOf(window, text) {
  await sheet(window).getByText(text).first().click();
  await window.page.keyboard.press("End");
}

/** Waits until the page says that everything is kept by the site. */
export async function kept({ page }, limit = 20_000) {
  await page.locator('[data-line="open"][data-waiting="0"]').waitFor({ timeout: limit });
}

/** The lines of the text, each with its kind. */
export function lines(window) {
  return sheet(window).evaluate((root) =>
    [...root.children].map((line) => {
      const own = line.cloneNode(true);
      for (const mark of own.querySelectorAll(".caret")) mark.remove();
      return `${line.matches(".item") ? [...line.classList].find((name) => /bullet|ordered|todo/.test(name)) + line.dataset.depth : line.nodeName.toLowerCase()}:${own.textContent}`;
    }),
  );
}

/** Pastes as the browser does, with the forms that another program puts on the clipboard. */
export async function paste(window, { html, text = "" }) {
  await sheet(window).evaluate(
    (root, forms) => {
      const data = new DataTransfer();
      if (forms.html !== undefined) data.setData("text/html", forms.html);
      data.setData("text/plain", forms.text);
      root.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    },
    { html, text },
  );
}
