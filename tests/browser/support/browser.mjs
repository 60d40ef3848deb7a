// Chromium and its windows: one person, one language, one look, one width. A page that reports an error fails its test.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { words } from "./words.mjs";

export const output = join(dirname(fileURLToPath(import.meta.url)), "../output");
export const DESKTOP = { width: 1360, height: 900 };
export const PHONE = { width: 390, height: 844 };
/** For anything on one machine; what crosses sites has its own limit. */
const STEP_MS = 20_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--force-color-profile=srgb",
];

let running = null;
/** The one browser of this process, or the promise of it: windows that open at once must not start two. */
function browser() {
  running ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  return running;
}

export async function closeBrowser() {
  await (await running)?.close();
}
after(closeBrowser);

/** A window. `person` (of support/sites.mjs) is logged in already; without one, `site` shows its door. */
export async function open({ person, site = person.site, language = person?.language ?? "fr", theme = "light", size = DESKTOP, path = "/" }) {
  const context = await (await browser()).newContext({
    viewport: size,
    locale: language === "fr" ? "fr-FR" : "en-GB",
    timezoneId: "Europe/Paris",
    colorScheme: theme,
    hasTouch: size.width < 600,
    reducedMotion: "reduce",
    deviceScaleFactor: 1,
  });
  await context.addInitScript((lang) => {
    // Pages without an address of their own have no storage.
    if (location.protocol !== "http:") return;
    if (localStorage.getItem("archipel.language") === null) localStorage.setItem("archipel.language", lang);
  }, language);
  if (person) await context.addCookies([person.api.cookie]);
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_MS);
  const window = { page, context, w: words[language], site, errors: [], forgiven: [] };
  page.on("pageerror", (error) => window.errors.push(`${page.url()}: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error") window.errors.push(`${page.url()}: ${message.text()}`);
  });
  if (path !== null) await page.goto(site.address + path);
  return window;
}

/** Console errors that a test brings about on purpose, such as those of a site that is stopped. */
export function forgive(window, ...patterns) {
  window.forgiven.push(...patterns);
}

/** Closes a window; fails if its page reported an error that was not forgiven. */
export async function close(window) {
  await window.context.close();
  const errors = window.errors.filter((error) => !window.forgiven.some((pattern) => pattern.test(error)));
  assert.deepEqual(errors, [], "the page reported errors");
}

/** Runs a test on windows; keeps a picture of each when it fails, and closes them all. */
export async function play(name, windows, body) {
  try {
    await body(...windows);
  } catch (error) {
    mkdirSync(output, { recursive: true });
    for (const [at, window] of windows.entries()) {
      const path = join(output, `${name.replaceAll(/\W+/g, "-")}-${at + 1}.png`);
      await window.page.screenshot({ path, fullPage: true }).catch(() => {});
      console.error(`picture of window ${at + 1} at ${window.page.url()}: ${path}`);
      if (window.errors.length > 0) console.error(window.errors.join("\n"));
    }
    for (const window of windows) await window.context.close();
    throw error;
  }
  for (const window of windows) await close(window);
}

/** The page is not wider than the window: nobody scrolls sideways. */
export async function fits(page) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= room, `${page.url()} is ${wide} px wide in a window of ${room}`);
}
