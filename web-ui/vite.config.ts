import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

/** What gains from compression; fonts and pictures are compressed already. */
const TEXT = new Set([".html", ".js", ".css", ".svg", ".json", ".webmanifest", ".txt", ".wasm"]);
/** Below this a compressed twin costs more in headers than it saves. */
const COMPRESS_BYTES_MIN = 512;

/**
 * Writes `.br` and `.gz` twins beside what was built, when WEB_UI_COMPRESS names the brotli quality.
 * Results are kept by content hash in WEB_UI_COMPRESS_CACHE, so that unchanged files cost nothing.
 */
function compressed(): Plugin {
  const quality = Number(process.env["WEB_UI_COMPRESS"] ?? 0);
  const cache = process.env["WEB_UI_COMPRESS_CACHE"];
  const kinds = {
    br: (bytes: Buffer) =>
      promisify(brotliCompress)(bytes, {
        params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
      }),
    gz: (bytes: Buffer) => promisify(gzip)(bytes, { level: quality > 9 ? 9 : 6 }),
  };
  async function twin(path: string, bytes: Buffer, kind: keyof typeof kinds): Promise<void> {
    const key = createHash("sha256").update(`${kind}${quality}`).update(bytes).digest("hex");
    const kept = cache === undefined ? undefined : join(cache, key);
    let small = kept === undefined ? undefined : await readFile(kept).catch(() => undefined);
    if (small === undefined) {
      small = await kinds[kind](bytes);
      if (kept !== undefined) await writeFile(kept, small);
    }
    if (small.length < bytes.length) await writeFile(`${path}.${kind}`, small);
  }
  return {
    name: "archipel-compressed",
    apply: "build",
    async writeBundle(options) {
      const folder = options.dir;
      if (quality === 0 || folder === undefined) return;
      if (cache !== undefined) await mkdir(cache, { recursive: true });
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      for (const entry of entries) {
        if (!entry.isFile() || !TEXT.has(extname(entry.name))) continue;
        const path = join(entry.parentPath, entry.name);
        const bytes = await readFile(path);
        if (bytes.length < COMPRESS_BYTES_MIN) continue;
        await Promise.all([twin(path, bytes, "br"), twin(path, bytes, "gz")]);
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), compressed()],
  build: {
    target: "es2022",
    // The page's security policy allows fonts, pictures and scripts from its own host only, nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    // While working on the UI: a node on its usual port answers the API.
    proxy: {
      "/api": { target: process.env["ARCHIPEL_NODE"] ?? "http://127.0.0.1:7300", ws: true, changeOrigin: true },
    },
  },
});
