/** The colours in use, read from the style sheet, and the switch between light and dark. */

import { button } from "sweep/dom";

const NAMES = ["page", "ink", "quiet", "line", "panel", "accent", "rest", "low", "high"];
const ENDINGS = ["converged", "trained", "censored", "diverged", "failed", "cancelled"];
const CATEGORIES = 8;
const KEPT = "sweep-theme";

/** Return the colours of the page as it is, or the light ones, in which figures leave it. */
export function colours(isLight = false) {
  const probe = document.createElement("span");
  if (isLight) probe.className = "light";
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return style.color;
  };
  const theme = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
  theme.endings = ENDINGS.map((name) => read(name));
  theme.categories = Array.from({ length: CATEGORIES }, (_, k) => read(`category-${k}`));
  probe.remove();
  theme.ramp = d3.interpolateLab(theme.low, theme.high);
  return theme;
}

/** Return red, green and blue of a colour, 0 to 255. */
export function channels(colour) {
  const { r, g, b } = d3.rgb(colour);
  return [r, g, b];
}

/** Return the switch between light, dark and what the system has. */
export function themeSwitch(onchange) {
  const titles = { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const next = { system: "dark", dark: "light", light: "system" };
  let chosen = kept();
  const made = button(titles[chosen], () => use(next[chosen]), { class: "theme" });
  const use = (theme) => {
    chosen = theme;
    keep(theme);
    made.textContent = titles[theme];
    document.documentElement.dataset.theme = theme;
    onchange();
  };
  document.documentElement.dataset.theme = chosen;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onchange);
  return made;
}

function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "system";
  } catch {
    return "system";
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // Some browsers keep nothing for pages from disk.
  }
}
