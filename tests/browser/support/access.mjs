// Accessibility by axe: every finding fails, whatever its weight.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Each broken rule with the parts of the page that break it, one text a rule. */
export async function broken(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  return violations.map(({ id, impact, help, nodes }) => {
    const parts = nodes.slice(0, 4).map((node) => `\n    ${node.target.join(" ")}: ${node.failureSummary?.split("\n").slice(1).join(" ").trim()}`);
    return `${what}: ${id} (${impact}): ${help}${parts.join("")}`;
  });
}

/** Fails with everything that was found on several screens. */
export function none(findings) {
  assert.equal(findings.length, 0, `rules broken:\n  ${findings.join("\n  ")}`);
}
