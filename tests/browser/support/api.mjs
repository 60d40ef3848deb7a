// One login at one site over the documented API: how specs set the scene that they do not play in the browser.
import { randomBytes } from "node:crypto";

export const PASSWORD = "lanterne-violette-72";
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A fresh id of 16 bytes, as every creating request carries one. */
export function requestId() {
  let bits = 0n;
  for (const byte of randomBytes(16)) bits = (bits << 8n) | BigInt(byte);
  bits <<= 2n; // 128 bits fill 26 characters of five bits but for two.
  let text = "";
  for (let at = 25n; at >= 0n; at--) text += ALPHABET[Number((bits >> (at * 5n)) & 31n)];
  return text;
}

export class Api {
  #cookie = null;
  #csrf = null;

  constructor(address) {
    this.address = address;
  }

  async call(method, path, body, type = "application/json") {
    const headers = { "content-type": type, origin: this.address };
    if (this.#cookie) headers.cookie = this.#cookie;
    if (this.#csrf) headers["x-archipel-token"] = this.#csrf;
    const bytes = body === undefined || body instanceof Uint8Array ? body : JSON.stringify(body);
    const answer = await fetch(`${this.address}/api/v1/${path}`, { method, headers, body: method === "GET" ? undefined : bytes });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const cookie = answer.headers.getSetCookie().find((line) => line.includes("archipel="));
    const value = text === "" ? null : JSON.parse(text);
    if (cookie) {
      this.#cookie = cookie.split(";")[0];
      this.#csrf = (value.me ?? value).csrf;
    }
    return value;
  }

  get = (path) => this.call("GET", path);
  post = (path, body = {}) => this.call("POST", path, body);
  patch = (path, body) => this.call("PATCH", path, body);

  logIn = (email) => this.post("session", { email, password: PASSWORD });
  sudo = () => this.post("session/sudo", { password: PASSWORD });
  createGroup = (name, { kind = "theme", access = "open", purpose = `Tout sur ${name}.` } = {}) =>
    this.post("groups", { request_id: requestId(), name, purpose, kind, access });
  write = (group, text, { title, files = [] } = {}) =>
    this.post(`groups/${group}/posts`, {
      request_id: requestId(),
      ...(title ? { title } : {}),
      text,
      attachments: files.map(({ blob, name }) => ({ blob, name })),
    });
  comment = (post, text) => this.post(`posts/${post}/comments`, { request_id: requestId(), text });
  react = (post, emoji) => this.call("PUT", `posts/${post}/reactions`, { emoji, on: true });
  upload = (name, bytes) => this.call("POST", `files?name=${encodeURIComponent(name)}`, bytes, "application/octet-stream");

  /** The cookie of the login, for a browser that takes it over. */
  get cookie() {
    const [name, value] = this.#cookie.split("=");
    return { name, value, url: this.address };
  }
}
