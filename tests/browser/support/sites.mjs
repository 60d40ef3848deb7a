// Real nodes as child processes on loopback, in temporary folders. They end with the process that started them.
import { spawn } from "node:child_process";
import { closeSync, cpSync, existsSync, lstatSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join as at } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { Api, PASSWORD } from "./api.mjs";
import { CROSS_MS, within } from "./wait.mjs";

const READY = "Archipel is ready: ";
const READY_MS = 60_000;
const STOP_MS = 20_000;
const top = at(dirname(fileURLToPath(import.meta.url)), "../../..");
const program = process.env.ARCHIPEL_BIN ?? at(process.env.CARGO_TARGET_DIR ?? at(top, "target"), "debug/archipel");
const started = new Set();

export function dropAll() {
  for (const site of [...started]) site.drop();
}
after(dropAll);
process.on("exit", dropAll);

/** Below the ports that the system gives to outgoing connections, so that a stopped site finds its own again. */
let next = 24_000 + (process.pid % 1_000) * 4;
async function freePort() {
  for (;;) {
    const port = (next += 2);
    const free = (candidate) =>
      new Promise((done) => {
        const server = createServer();
        server.once("error", () => done(false));
        server.listen(candidate, "127.0.0.1", () => server.close(() => done(true)));
      });
    if ((await free(port)) && (await free(port + 1))) return port;
  }
}

export class Site {
  static async start(name) {
    if (!existsSync(program)) throw new Error(`${program} is missing: cargo build -p archipel`);
    const site = new Site();
    site.name = name;
    site.folder = mkdtempSync(at(tmpdir(), "archipel-browser-"));
    site.port = await freePort();
    site.peers = await freePort();
    site.address = `http://127.0.0.1:${site.port}`;
    started.add(site);
    await site.restart();
    return site;
  }

  /** Starts the program again on the same folder and ports. */
  async restart() {
    const log = openSync(at(this.folder, "log"), "a");
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ARCHIPEL_")));
    const flags = [
      ["--data", at(this.folder, "data")],
      ["--http", `127.0.0.1:${this.port}`],
      ["--listen", `/ip4/127.0.0.1/udp/${this.peers}/quic-v1`],
      ["--listen", `/ip4/127.0.0.1/tcp/${this.peers}`],
      ["--mdns", "off"],
      ["--password-cost", "small"],
      ["--limits", "wide"],
    ].flat();
    this.child = spawn(program, flags, { stdio: ["ignore", "pipe", log], env: environment });
    closeSync(log);
    let ended;
    const ready = new Promise((done, failed) => {
      ended = (code) => failed(new Error(`${this.name} ended with ${code}\n${this.log()}`));
      this.child.once("exit", ended);
      createInterface({ input: this.child.stdout }).on("line", (line) => line.startsWith(READY) && done(line.slice(READY.length)));
      setTimeout(() => failed(new Error(`${this.name} is not ready`)), READY_MS).unref();
    });
    const address = await ready;
    this.child.off("exit", ended);
    if (address !== `${this.address}/`) throw new Error(`${this.name} says ${address} and was told ${this.address}`);
  }

  /** Asks the program to end, and waits. */
  async stop() {
    const { child } = this;
    this.child = null;
    const ended = new Promise((done, failed) => {
      child.once("exit", (code) => (code === 0 ? done() : failed(new Error(`${this.name} stopped with ${code}\n${this.log()}`))));
      setTimeout(() => failed(new Error(`${this.name} does not stop`)), STOP_MS).unref();
    });
    child.kill("SIGTERM");
    await ended;
  }

  /** Copies the stopped site's data folder, as a back-up does. */
  backUp() {
    copyFolder(at(this.folder, "data"), at(this.folder, "backup"));
  }

  /** The stopped site gets the copy back. */
  putBack() {
    rmSync(at(this.folder, "data"), { recursive: true });
    copyFolder(at(this.folder, "backup"), at(this.folder, "data"));
  }

  drop() {
    started.delete(this);
    this.child?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  log() {
    return readFileSync(at(this.folder, "log"), "utf8").split("\n").slice(-40).join("\n");
  }

  api() {
    return new Api(this.address);
  }
}

/** Sockets are made anew at each start. */
function copyFolder(from, to) {
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
}

/** The organisation's first site, with its administrator logged in. */
export async function found(name, admin, { organisation = "Harmonie Habitat", company = "Harmonie", language = "fr" } = {}) {
  const site = await Site.start(name);
  const api = site.api();
  const email = emailOf(admin);
  await api.post("setup/organisation", { organisation, site: name, company, language, admin: { name: admin, email, password: PASSWORD } });
  await api.sudo();
  return { site, api, email, name: admin, language };
}

/** A further site, paired with that of `admin`, with its first person logged in. */
export async function join(admin, name, person, { company = "Harmonie", language = "fr" } = {}) {
  const site = await Site.start(name);
  const api = site.api();
  await admin.api.sudo();
  const invitation = await admin.api.post("pairing");
  await api.post("setup/join", { invitation: invitation.text, site: name, company });
  const here = await within(CROSS_MS, "digits at the inviting site", async () => (await admin.api.get(`pairing/${invitation.id}`)).digits);
  const there = await within(CROSS_MS, "digits at the joining site", async () => (await api.get("setup/join")).digits);
  if (here !== there) throw new Error(`the digits differ: ${here} and ${there}`);
  await admin.api.post(`pairing/${invitation.id}/confirm`, { match: true });
  await api.post("setup/join/confirm", { match: true });
  await within(CROSS_MS, `${name} belongs to the organisation`, async () => (await api.get("status")).state === "joined_no_person");
  const email = emailOf(person);
  await api.post("setup/first-person", { name: person, email, password: PASSWORD, language });
  return { site, api, email, name: person, language };
}

/** Ann at Angers, French; Ben at Lille, English; one open group of both. */
export async function twoSites(group = "Thème · Jardins partagés") {
  const ann = await found("Angers", "Anne Moreau", { language: "fr" });
  const ben = await join(ann, "Lille", "Ben Carter", { language: "en" });
  const made = await ann.api.createGroup(group);
  await within(CROSS_MS, "the group is known at Lille", () => ben.api.get(`groups/${made.id}`));
  await ben.api.post(`groups/${made.id}/join`);
  await within(CROSS_MS, "Angers knows that Lille shares it", async () => (await ann.api.get(`groups/${made.id}`)).sites.length === 2);
  return { ann, ben, group: made };
}

function emailOf(name) {
  return `${name.toLowerCase().normalize("NFD").replaceAll(/[^a-z ]/g, "").replaceAll(" ", ".")}@harmonie.example`;
}
