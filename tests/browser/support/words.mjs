// The words of the interface, from its own locale files, so that specs click what people read.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const locales = join(dirname(fileURLToPath(import.meta.url)), "../../../web-ui/src/locales");

async function load() {
  const folder = mkdtempSync(join(tmpdir(), "archipel-words-"));
  try {
    for (const name of ["fr", "en", "fr/care", "en/care", "fr/pages", "en/pages", "fr/search", "en/search", "plural"]) {
      const source = readFileSync(join(locales, `${name}.ts`), "utf8");
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      const imports = outputText.replaceAll(/from "(\.{1,2}\/[\w\/]+)"/g, 'from "$1.mjs"');
      const path = join(folder, `${name}.mjs`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, imports);
    }
    const part = async (name, path) => (await import(pathToFileURL(join(folder, `${path}.mjs`)).href))[name];
    const book = async (name) => ({ ...(await part(name, name)), care: await part(name, `${name}/care`), paper: await part(name, `${name}/pages`), search: await part(name, `${name}/search`) });
    return { fr: await book("fr"), en: await book("en") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `words.fr.setup.create` is what a button says; `words.fr.care`, `words.fr.paper` and `words.fr.search` are the words of screens fetched later. */
export const words = await load();
