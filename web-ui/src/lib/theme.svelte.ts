/** Light, dark, or as the system says. */

export type Theme = "system" | "light" | "dark";
const KEY = "archipel.theme";

function initial(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

const current = $state<{ theme: Theme }>({ theme: initial() });
document.documentElement.dataset["theme"] = current.theme;

export function theme(): Theme {
  return current.theme;
}

export function setTheme(next: Theme): void {
  current.theme = next;
  document.documentElement.dataset["theme"] = next;
  localStorage.setItem(KEY, next);
}
