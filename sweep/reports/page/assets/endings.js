/** How trials ended, as words, shapes and colours; colour never says it alone. */

import { draw } from "sweep/dom";

/** The ways a trial can end; the glyph is a name of d3's symbols, `fill` whether it is solid. */
export const ENDINGS = [
  { name: "converged", word: "converged", doc: "a rule was met", glyph: "circle", fill: true },
  { name: "trained", word: "trained its epochs", doc: "the epochs asked for", glyph: "diamond", fill: true },
  { name: "censored", word: "censored", doc: "a limit or scheduler came before any rule was met", glyph: "triangle", fill: false },
  { name: "diverged", word: "diverged", doc: "a loss or parameter was not finite", glyph: "times", fill: false },
  { name: "failed", word: "failed", doc: "the code raised", glyph: "square", fill: false },
  { name: "cancelled", word: "cancelled", doc: "stopped by the user", glyph: "plus", fill: false },
];

const OF_REASON = {
  converged: 0,
  target: 0,
  pattern: 0,
  epochs: 1,
  max_epochs: 2,
  time: 2,
  pruned: 2,
  diverged: 3,
  failed: 4,
  cancelled: 5,
};

/**
 * Return how each trial ended, as places among `ENDINGS`; which endings there are, and how many of
 * each; and whether a trial's outcomes are final ones: it was neither pruned nor diverged nor failed.
 */
export function endingsOf(trials) {
  const column = trials.get("stop_reason") ?? trials.get("status");
  const codes = new Uint8Array(trials.count);
  const counts = new Uint32Array(ENDINGS.length);
  const known = column?.levels?.map((level) => OF_REASON[level] ?? 0) ?? [];
  for (let i = 0; i < trials.count; i++) counts[(codes[i] = known[column?.values[i]] ?? 0)]++;
  const status = trials.get("status");
  const finished = status?.levels.indexOf("finished") ?? -1;
  const isFinal = (i) => !status || status.values[i] === finished;
  return { codes, counts, isFinal, present: ENDINGS.map((_, k) => k).filter((k) => counts[k]) };
}

const SYMBOLS = {
  circle: d3.symbolCircle,
  diamond: d3.symbolDiamond2,
  triangle: d3.symbolTriangle2,
  times: d3.symbolTimes,
  square: d3.symbolSquare2,
  plus: d3.symbolPlus,
};

/** Return the outline of an ending's glyph around the origin. */
export function outline(ending, size = 40) {
  return d3.symbol(SYMBOLS[ending.glyph], size)();
}

/** Return the glyph of an ending as an element of a picture. */
export function glyph(ending, colour, size) {
  const paint = ending.fill ? { fill: colour } : { fill: "none", stroke: colour, "stroke-width": 1.5 };
  return draw("path", { d: outline(ending, size), ...paint });
}
