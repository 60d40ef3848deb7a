/**
 * The one door through which markup enters the page.
 *
 * Posts arrive as HTML that the node has already cleaned. The page's policy demands trusted types, so
 * nothing else in the app can turn text into markup by accident.
 */

interface Policy {
  createHTML(input: string): string;
}
interface Factory {
  createPolicy(name: string, rules: { createHTML: (input: string) => string }): Policy;
}

const asIs = { createHTML: (input: string) => input };
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy: Policy = factory?.createPolicy("archipel-node-html", asIs) ?? asIs;

/** Replaces the content of an element by HTML that the node has cleaned. */
export function setCleanHtml(element: Element, html: string): void {
  element.innerHTML = policy.createHTML(html);
  for (const link of element.querySelectorAll<HTMLAnchorElement>("a[href]")) {
    if (link.origin !== location.origin) {
      link.target = "_blank";
      link.rel = "noopener noreferrer nofollow";
    }
  }
}
