/**
 * The one place that sends requests to the node.
 *
 * Adds the session's token, checks the shape of answers, and turns everything that can go wrong into
 * two errors: the node refused (`Refused`), or it could not be reached (`Unreachable`).
 */

import { object, nullable, text, anything, type Decoder } from "./schema/decode";

const BASE = "/api/v1";
/** A node answers from its own disk: what takes longer is a broken line. */
const TIMEOUT_MS = 20_000;
/** A file is gathered first, from all that the node keeps. */
const FILE_TIMEOUT_MS = 30 * 60_000;

/** The node answered no. `code` is stable, the interface has words for it. */
export class Refused extends Error {
  override name = "Refused";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown>,
  ) {
    super(message);
  }
}

/** No answer from the node: the line, the node, or this computer's network. */
export class Unreachable extends Error {
  override name = "Unreachable";
}

let token = "";
let contact: (reached: boolean) => void = () => {};
let signedOut: () => void = () => {};

/** The token that comes with the session; every writing request carries it. */
export function setToken(csrf: string): void {
  token = csrf;
}

/** Who wants to know whether the node answers, and whether the session has ended. */
export function observe(onContact: (reached: boolean) => void, onSignedOut: () => void): void {
  contact = onContact;
  signedOut = onSignedOut;
}

const error_shape = object({ code: text, message: text, details: nullable(anything) });

/** Makes the error that an answer means. */
export function refusal(status: number, body: unknown): Refused | Unreachable {
  try {
    const { code, message, details } = error_shape(body, "error");
    if (code === "unauthenticated") signedOut();
    return new Refused(status, code, message, (details ?? {}) as Record<string, unknown>);
  } catch {
    // A proxy or a dying server speaks another language: as good as no answer.
    return status >= 500 ? new Unreachable(`status ${status}`) : new Refused(status, "internal", `status ${status}`, {});
  }
}

export type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

async function ask(method: Method, path: string, body: unknown, extra: Record<string, string>, limit: number): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", ...extra };
  if (method !== "GET") {
    headers["Content-Type"] = "application/json";
    headers["X-Archipel-Token"] = token;
  }
  return fetch(BASE + path, {
    method,
    headers,
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(limit),
    ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
  });
}

function broken(error: unknown): Unreachable {
  contact(false);
  return new Unreachable(error instanceof Error ? error.message : "no answer");
}

function refused(status: number, raw: string): Refused | Unreachable {
  const error = refusal(status, raw === "" ? null : parseJson(raw));
  contact(error instanceof Refused);
  return error;
}

/** Sends one request. Throws `Refused`, `Unreachable` or `ShapeError`. */
export async function call<T>(
  method: Method,
  path: string,
  decode: Decoder<T>,
  body?: unknown,
  extra: Record<string, string> = {},
  limit = TIMEOUT_MS,
): Promise<T> {
  let response: Response;
  let raw: string;
  try {
    response = await ask(method, path, body, extra, limit);
    raw = await response.text();
  } catch (error) {
    throw broken(error);
  }
  if (!response.ok) throw refused(response.status, raw);
  contact(true);
  return decode(raw === "" ? null : parseJson(raw), path);
}

/** Fetches a file that the node makes on request, with the name that it gives. */
export async function load(method: "GET" | "POST", path: string, body?: unknown): Promise<{ bytes: Blob; name: string }> {
  let response: Response;
  try {
    response = await ask(method, path, body, { Accept: "*/*" }, FILE_TIMEOUT_MS);
    if (response.ok) {
      const bytes = await response.blob();
      contact(true);
      return { bytes, name: fileName(response.headers.get("Content-Disposition")) };
    }
  } catch (error) {
    throw broken(error);
  }
  throw refused(response.status, await response.text().catch(() => ""));
}

/** The name in a Content-Disposition header. */
export function fileName(header: string | null): string {
  const found = /filename="([^"]+)"/.exec(header ?? "") ?? /filename=([^;\s]+)/.exec(header ?? "");
  return found?.[1] ?? "archipel";
}

function parseJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
}

/** A query string from what is given; absent values are left out. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const parts = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return parts.length === 0 ? "" : `?${new URLSearchParams(parts.map(([k, v]) => [k, String(v)])).toString()}`;
}

/** Sends bytes with progress. Fetch cannot tell how much has left, the older interface can. */
export function send<T>(
  path: string,
  bytes: Blob,
  decode: Decoder<T>,
  progress: (sent: number) => void,
  cancelled: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", BASE + path);
    request.setRequestHeader("Content-Type", bytes.type || "application/octet-stream");
    request.setRequestHeader("X-Archipel-Token", token);
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => {
      const answer = parseJson(request.responseText);
      contact(true);
      if (request.status >= 200 && request.status < 300) {
        try {
          resolve(decode(answer, path));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      } else reject(refusal(request.status, answer));
    };
    request.onerror = () => {
      contact(false);
      reject(new Unreachable("the upload was interrupted"));
    };
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    cancelled.addEventListener("abort", () => request.abort(), { once: true });
    request.send(bytes);
  });
}
