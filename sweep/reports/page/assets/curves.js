/** Curves of the loss: median and quartiles of all trials of each level, and lines of selected trials. */

import { choice, make } from "sweep/dom";
import { ENDINGS } from "sweep/endings";
import { Summaries } from "sweep/groups";
import { legend } from "sweep/legend";
import { inksOf, plotted, scaleOf } from "sweep/plotting";
import { counted } from "sweep/text";

const HEIGHT = 320;
const MOST_LINES = 200;
const HELD_OUT = "6 3";

export function curvesView(context) {
  const { manifest, trials, state, selection, traces } = context;
  const summaries = new Summaries(manifest.groups, context);
  if (summaries.isEmpty) return null;
  const names = Object.keys(summaries.levels[0][1]);
  const titles = { loss: "loss", validation_loss: "held-out loss" };
  const shown = () => (state.get("curve") === "both" ? names : [names.includes(state.get("curve")) ? state.get("curve") : names.at(-1)]);
  const options = names.map((name) => [name, titles[name] ?? name]);
  if (names.length > 1) options.push(["both", "both"]);
  const paces = new Paces(context);
  const time = () => (paces.isKnown && state.get("time") === "seconds" ? "seconds" : "epochs");
  const wantsLines = () => traces.isThere && state.get("lines") === "1";

  const bands = () =>
    summaries.levels.flatMap(([level, quantities]) =>
      shown().flatMap((name) => bandOf(level, name, quantities[name], time() === "seconds" ? paces.of(summaries.axis, level) : 1)),
    );
  const lines = () => (wantsLines() ? traces.lines(shown().at(-1), selection.some(MOST_LINES)) : []);

  return {
    name: "curves",
    title: "Training curves",
    controls: () => [
      summaries.control(),
      options.length > 1 ? choice("of", options, shown().length > 1 ? "both" : shown()[0], (name) => state.set({ curve: name })) : null,
      paces.isKnown ? choice("over", [["epochs", "epochs"], ["seconds", "seconds"]], time(), (name) => state.set({ time: name })) : null,
      traces.isThere ? lineSwitch(state, wantsLines()) : null,
    ].filter(Boolean),
    draw(body, { width, theme }) {
      const inks = inksOf(summaries.levels.map(([level]) => level), summaries.isOrdered, theme);
      const rows = bands();
      const single = lines().map((line) => ({ ...line, x: time() === "seconds" ? paces.ofTrial(line.trial) : 1 }));
      const colours = new Map(inks.map(({ word, colour, dash }) => [word, { colour, dash: shown().length > 1 ? null : dash }]));
      body.replaceChildren(legend(inks, width, theme), drawCurves({ rows, single, colours, width, theme, time: time(), context, axis: summaries.axis, names: shown() }));
    },
    caption() {
      const over = time() === "seconds" ? " Seconds are epochs times each group's median seconds an epoch." : "";
      const drawn = Math.min(MOST_LINES, selection.count);
      const each = wantsLines() ? ` Thin lines: ${counted(drawn)} of ${counted(selection.count)} selected trials, with a shape where one was censored or diverged.` : "";
      const both = shown().length > 1 ? " Dashed: held-out loss." : "";
      return `Median and quartiles of all ${trials.told}, whatever is selected; one that ended keeps its last loss, one that diverged counts as worst.${both}${over}${each}`;
    },
    table() {
      const header = [summaries.axis, "quantity", time(), "n", "q25", "median", "q75"];
      return { header, rows: bands().map((row) => [row.level, row.name, row.x, row.n, row.low, row.middle, row.high]) };
    },
  };
}

function lineSwitch(state, isOn) {
  const box = make("input", { type: "checkbox", checked: isOn, onchange: () => state.set({ lines: box.checked ? "1" : null }) });
  return make("label", { class: "choice" }, box, "lines of selected trials");
}

function bandOf(level, name, summary, pace) {
  if (!summary) return [];
  const rows = summary.epochs.map((epoch, k) => ({
    level,
    name,
    x: epoch * pace,
    n: summary.n,
    low: summary.q25[k],
    middle: summary.q50[k],
    high: summary.q75[k],
  }));
  return rows.filter((row) => row.middle !== null);
}

function drawCurves({ rows, single, colours, width, theme, time, context, axis, names }) {
  const heights = [...rows.flatMap((row) => [row.low, row.middle, row.high]), ...single.flatMap((line) => line.points.map((point) => point.y))];
  const places = [...rows.map((row) => row.x), ...single.flatMap((line) => line.points.map((point) => point.x * line.x))];
  const colourOf = (level) => colours.get(level)?.colour ?? theme.quiet;
  const column = context.trials.get(axis);
  const isBand = names.length === 1;
  const marks = [
    ...(isBand ? [Plot.areaY(rows.filter((row) => row.low !== null && row.high !== null), { x: "x", y1: "low", y2: "high", z: "level", fill: (row) => colourOf(row.level), fillOpacity: 0.13 })] : []),
    ...single.map((line) => Plot.line(line.points, { x: (point) => point.x * line.x, y: "y", stroke: colourOf(column?.text(line.trial)), strokeWidth: 0.7, strokeOpacity: 0.6 })),
    ...[...d3.group(rows, (row) => row.level, (row) => row.name)].flatMap(([level, quantities]) =>
      [...quantities].map(([name, points]) =>
        Plot.line(points, { x: "x", y: "middle", stroke: colourOf(level), strokeWidth: 2, strokeDasharray: isBand ? colours.get(level)?.dash : name === names[0] ? null : HELD_OUT }),
      ),
    ),
    endsOf(single, context, theme),
  ];
  return plotted({
    width,
    height: HEIGHT,
    theme,
    label: `Loss over ${time}`,
    marginLeft: 52,
    x: scaleOf(places, time, theme),
    y: scaleOf(heights.filter((value) => value !== null), "loss", theme, { grid: true }),
    marks,
  });
}

/** Mark the ends of lines of trials that met no rule. */
function endsOf(single, { endings }, theme) {
  const ends = single.filter(({ trial, points }) => endings.codes[trial] > 1 && points.length);
  const kinds = ends.map(({ trial }) => ENDINGS[endings.codes[trial]]);
  return Plot.dot(ends, {
    x: (line) => line.points.at(-1).x * line.x,
    y: (line) => line.points.at(-1).y,
    symbol: (line) => ({ draw: (pen, size) => drawSymbol(pen, ENDINGS[endings.codes[line.trial]], size) }),
    stroke: (line) => theme.endings[endings.codes[line.trial]],
    r: 4,
    title: (_, k) => kinds[k]?.word,
  });
}

function drawSymbol(pen, ending, size) {
  const symbols = { triangle: d3.symbolTriangle2, times: d3.symbolTimes, square: d3.symbolSquare2, plus: d3.symbolPlus };
  (symbols[ending.glyph] ?? d3.symbolCircle).draw(pen, size);
}

/** Seconds that an epoch takes. */
class Paces {
  constructor({ trials, endings }) {
    this.seconds = trials.get("seconds_share") ?? trials.get("seconds");
    this.epochs = trials.get("epochs");
    this.trials = trials;
    this.endings = endings;
    this.isKnown = Boolean(this.seconds && this.epochs);
    this.known = new Map();
  }

  ofTrial(i) {
    return this.seconds.numbers[i] / this.epochs.numbers[i];
  }

  /** Return the median seconds an epoch of all trials of a level. */
  of(axis, level) {
    const key = `${axis} ${level}`;
    if (!this.known.has(key)) this.known.set(key, this.#median(this.trials.get(axis), level));
    return this.known.get(key);
  }

  #median(column, level) {
    const { codes, labels } = column.groups;
    const group = labels.findIndex((label) => label === level || Number(label) === Number(level));
    const paces = [];
    for (let i = 0; i < codes.length; i++) if (codes[i] === group && this.ofTrial(i) > 0) paces.push(this.ofTrial(i));
    return d3.median(paces) ?? NaN;
  }
}
