// Accessibility by axe: every finding fails, whatever its weight.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Fails with each broken rule, and the parts of the page that break it. */
export async function accessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
  const findings = violations.map(({ id, impact, help, nodes }) => {
    const parts = nodes.slice(0, 4).map((node) => `    ${node.target.join(" ")}: ${node.failureSummary?.split("\n").slice(1).join(" ").trim()}`);
    return `  ${id} (${impact}): ${help}\n${parts.join("\n")}`;
  });
  assert.equal(findings.length, 0, `${what}: ${findings.length} rules broken\n${findings.join("\n")}`);
}
