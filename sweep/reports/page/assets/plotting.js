/** Small figures by Observable Plot, in the colours of the page. */

import { block } from "sweep/figure";
import { short } from "sweep/text";

const DASHES = [null, "7 3", "2 3", "8 3 2 3", "12 4", "4 2"];

/** Return a figure of Plot as a part of ours. */
export function plotted({ width, height, theme, label, ...options }) {
  const picture = Plot.plot({
    width,
    height,
    ariaLabel: label,
    style: { background: "none", color: theme.ink, fontSize: "11px", fontFamily: "inherit" },
    ...options,
  });
  picture.setAttribute("role", "img");
  for (const part of picture.querySelectorAll("g[aria-label]")) part.removeAttribute("aria-label");
  return block(width, height, picture);
}

/** Return an axis of losses or epochs, logarithmic unless a value is not above 0. */
export function scaleOf(values, label, theme, options = {}) {
  const isLog = values.every((value) => value > 0);
  const [low, high] = d3.extent(values);
  const ticks = isLog && high / low > 30 ? powers(low, high) : undefined;
  return { type: isLog ? "log" : "linear", label: `${label}${isLog ? " (log)" : ""}`, ticks, tickFormat: short, labelArrow: "none", ...options };
}

function powers(low, high) {
  const all = d3.range(Math.ceil(Math.log10(low) - 0.01), Math.floor(Math.log10(high) + 0.01) + 1);
  const step = Math.ceil(all.length / 7);
  return all.filter((_, k) => k % step === 0).map((power) => Number(`1e${power}`));
}

/** Return a colour and a dash for each level: by a ramp where levels are numbers, else apart. */
export function inksOf(levels, isOrdered, theme) {
  const isRamp = (isOrdered && levels.length > 2) || levels.length > theme.categories.length;
  return levels.map((word, k) => ({
    word,
    isLine: true,
    colour: isRamp ? theme.ramp(0.25 + (0.75 * k) / (levels.length - 1)) : theme.categories[k],
    dash: isRamp ? null : DASHES[k % DASHES.length],
  }));
}
