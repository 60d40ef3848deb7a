#!/usr/bin/env node
// Runs the browser specs one after the other, each in its own process: `node run.mjs [SPEC…]`, a SPEC being a part of a
// file's name. `node run.mjs --screenshots` makes the pictures of docs/images anew instead.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const asked = process.argv.slice(2);
const wanted = asked.filter((word) => !word.startsWith("--"));
const unknown = asked.filter((word) => word.startsWith("--") && word !== "--screenshots");
const all = readdirSync(join(here, "specs")).filter((name) => name.endsWith(".spec.mjs")).sort();
const chosen = wanted.length === 0 ? all : all.filter((name) => wanted.some((word) => name.includes(word)));
if (unknown.length > 0 || chosen.length === 0) {
  console.error(`no such spec or option: ${asked.join(" ")}\nspecs: ${all.map((name) => name.replace(".spec.mjs", "")).join(" ")}`);
  process.exit(2);
}

// On two cores with two sites and a browser, files at once would only measure each other.
const options = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
const files = chosen.map((name) => join(here, "specs", name));
const { status } = asked.includes("--screenshots")
  ? spawnSync(process.execPath, [join(here, "screenshots.mjs")], { stdio: "inherit", cwd: here })
  : spawnSync(process.execPath, [...options, ...files], { stdio: "inherit", cwd: here });
process.exit(status ?? 1);
