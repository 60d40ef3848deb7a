import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

/** The rooms of `src`, each allowed to use only those named here besides itself. */
const rooms = {
  locales: [],
  lib: ["locales"],
  components: ["lib"],
  api: ["lib"],
  state: ["lib", "api"],
  editor: ["lib", "components"],
  views: ["lib", "state", "components", "editor"],
};
const all = Object.keys(rooms);

/** Imports that a room may not make, as patterns for both depths of folder. */
function walls(room) {
  const closed = all.filter((other) => other !== room && !rooms[room].includes(other));
  return {
    files: [`src/${room}/**/*.{ts,svelte}`],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: closed.map((other) => ({ regex: `^(\\.\\./)+${other}/`, message: `${room} must not know ${other}.` })) },
      ],
    },
  };
}

const network = ["fetch", "WebSocket", "XMLHttpRequest", "EventSource"].map((name) => ({ name, message: "Only src/api talks to the node." }));
const markup = ["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property, message: "Markup enters through src/lib/html.ts only." }));

export default ts.config(
  { ignores: ["dist", "node_modules", "placeholder"] },
  ...ts.configs.strictTypeChecked,
  ...svelte.configs.recommended,
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, extraFileExtensions: [".svelte"] },
    },
    rules: {
      "no-restricted-properties": ["error", ...markup],
      // The page's policy refuses style attributes; `style:` directives go through the object model and pass.
      "no-restricted-syntax": ["error", { selector: "SvelteAttribute[key.name='style']", message: "Use a class or a style: directive." }],
      "svelte/no-at-html-tags": "error",
      "svelte/button-has-type": "error",
      // The app routes plain links by itself; there is no resolver to call.
      "svelte/no-navigation-without-resolve": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-deprecated": "off",
      // `void value` reads a reactive value so that an effect depends on it.
      "@typescript-eslint/no-meaningless-void-operator": "off",
      "@typescript-eslint/no-unused-vars": ["error", { varsIgnorePattern: "^_$", argsIgnorePattern: "^_" }],
      // Plain maps, sets and dates are used where nothing needs to react.
      "svelte/prefer-svelte-reactivity": "off",
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    // In templates the linter sees `any` where svelte-check knows the type.
    files: ["**/*.svelte"],
    rules: Object.fromEntries(
      ["argument", "assignment", "call", "member-access", "return"].map((what) => [`@typescript-eslint/no-unsafe-${what}`, "off"]),
    ),
  },
  { files: ["src/**/*"], ignores: ["src/api/**"], rules: { "no-restricted-globals": ["error", ...network] } },
  { files: ["src/lib/html.ts"], rules: { "no-restricted-properties": "off" } },
  ...all.map(walls),
  { files: ["*.js", "*.ts"], ...ts.configs.disableTypeChecked },
);
