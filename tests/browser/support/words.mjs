// The words of the interface, from its own locale files, so that specs click what people read.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";

const locales = join(dirname(fileURLToPath(import.meta.url)), "../../../web-ui/src/locales");

async function load() {
  const folder = mkdtempSync(join(tmpdir(), "archipel-words-"));
  try {
    for (const name of ["fr", "en", "plural"]) {
      const source = readFileSync(join(locales, `${name}.ts`), "utf8");
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      const imports = outputText.replaceAll(/from "\.\/(\w+)"/g, 'from "./$1.mjs"');
      writeFileSync(join(folder, `${name}.mjs`), imports);
    }
    const book = async (name) => (await import(pathToFileURL(join(folder, `${name}.mjs`)).href))[name];
    return { fr: await book("fr"), en: await book("en") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `words.fr.setup.create` is what the button says. */
export const words = await load();
