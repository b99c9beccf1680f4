/** Slices: an outcome against each axis in turn, as quantiles of the trials at each of its values. */

import { Axis, axisTitle, drawAxis } from "sweep/axes";
import { choice, draw, picture } from "sweep/dom";
import { block } from "sweep/figure";
import { legend } from "sweep/legend";
import { FILTER, writeGroup } from "sweep/selection";
import { quantiles } from "sweep/statistics";
import { clipped, counted, digits } from "sweep/text";

const HEIGHT = 200;
const LEAST_WIDTH = 200;
const NARROW = 160; // on a phone
const MARGINS = { top: 22, right: 10, bottom: 44, left: 56 };
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9];
const MOST_AXES = 16;

export function slicesView({ trials, state, selection, endings, headline }) {
  const outcome = () => trials.get(state.get("slice")) ?? headline;
  const axes = several(trials.settings).slice(0, MOST_AXES);
  const options = trials.outcomes.filter((column) => column.isNumber).map((column) => [column.name, column.title]);
  const ofAll = (i) => endings.isFinal(i);
  const ofSelected = (i) => selection.mask[i] === 1 && endings.isFinal(i);
  const found = (axis, counts) => {
    const { codes, labels } = axis.groups;
    return quantiles(outcome(), { codes, count: labels.length }, counts, SHARES);
  };

  return {
    name: "slices",
    title: "Slices",
    isQuick: false,
    controls: () => [choice("of", options, outcome().name, (name) => state.set({ slice: name }))],
    draw(body, { width, theme, isFile }) {
      const columns = Math.max(1, Math.min(axes.length, Math.floor(width / (width < 420 ? NARROW : LEAST_WIDTH))));
      const size = Math.floor(width / columns);
      const panels = axes.map((axis, k) => {
        const parts = [found(axis, ofAll), selection.isAll ? null : found(axis, ofSelected)];
        const place = `translate(${(k % columns) * size},${Math.floor(k / columns) * HEIGHT})`;
        const panel = drawPanel({ axis, outcome: outcome(), parts, size, theme, state, isFile });
        return draw("g", { transform: place }, panel);
      });
      const height = Math.ceil(axes.length / columns) * HEIGHT;
      const items = [{ word: "median of all", colour: theme.quiet }];
      if (!selection.isAll) items.push({ word: `median of ${counted(selection.count)} selected`, colour: theme.accent });
      const whole = picture(width, height, `${outcome().title} at the values of each axis`, ...panels);
      body.replaceChildren(legend(items, width, theme), block(width, height, whole));
    },
    hint: "Press a value to select its trials.",
    caption() {
      const of = selection.isAll ? `all ${trials.told}` : `all ${trials.told} in grey, ${counted(selection.count)} of them selected in colour`;
      return `Median, quartiles (thick) and 10% to 90% (thin) of ${of}; only of those that ended by themselves with a value.`;
    },
    table() {
      const header = ["axis", "value", "of", "n", ...SHARES.map((share) => `q${100 * share}`)];
      return { header, rows: rowsOf(axes, found, selection, ofAll, ofSelected) };
    },
  };
}

/** Return the axes with more than one value. */
function several(axes) {
  return axes.filter((column) => column.groups.labels.length > 1);
}

function* rowsOf(axes, found, selection, ofAll, ofSelected) {
  const parts = selection.isAll ? [["all", ofAll]] : [["all", ofAll], ["selected", ofSelected]];
  for (const axis of axes) {
    for (const [of, counts] of parts) {
      const { n, values } = found(axis, counts);
      for (const [k, label] of axis.groups.labels.entries()) {
        yield [axis.name, label, of, n[k], ...values.map((value) => (Number.isNaN(value[k]) ? "" : value[k]))];
      }
    }
  }
}

function drawPanel({ axis, outcome, parts, size, theme, state, isFile }) {
  const bottom = HEIGHT - MARGINS.bottom;
  const across = new Axis(axis, MARGINS.left, size - MARGINS.right, { letters: axis.groups.labels.length > 2 ? 14 : 26, rows: 2 });
  const up = new Axis(outcome, bottom, MARGINS.top);
  up.hasMissing = across.hasMissing = false;
  [up.from, across.from] = [bottom, MARGINS.left];
  const length = across.to - across.from;
  const { numbers, labels } = axis.groups;
  const centre = (k) => across.at((axis.positionOf(numbers[k][0]) + axis.positionOf(numbers[k][1])) / 2);
  const marks = parts.flatMap((part, k) => {
    if (!part) return [];
    const shift = parts[1] ? (k ? 4 : -4) : 0;
    return labels.map((_, group) => drawBox(part, group, centre(group) + shift, up, k ? theme.accent : theme.quiet));
  });
  const step = length / Math.max(1, labels.length);
  const aims = isFile ? [] : labels.map((label, group) => aim(axis, group, label, parts[0], centre(group), Math.min(step, 40), bottom, state));
  return draw(
    "g",
    {},
    drawAxis(across, { isLevel: true, cross: bottom, theme }),
    drawAxis(up, { isLevel: false, cross: MARGINS.left, theme, grid: length }),
    axisTitle(clipped(axis.title, Math.floor(size / 8)), MARGINS.left, 12, theme),
    ...marks,
    ...aims,
  );
}

function drawBox({ n, values }, group, x, up, colour) {
  if (!n[group]) return null;
  const y = values.map((value) => up.at(up.column.positionOf(value[group])));
  const line = (from, to, width) => draw("line", { x1: x, x2: x, y1: from, y2: to, stroke: colour, "stroke-width": width });
  return draw("g", {}, line(y[0], y[4], 1), line(y[1], y[3], 4), draw("circle", { cx: x, cy: y[2], r: 3.5, fill: colour, stroke: "none" }));
}

function aim(axis, group, label, part, x, width, bottom, state) {
  const median = digits(part.values[2][group], 4);
  const title = draw("title", {}, `${axis.title} ${label}: median ${median} of ${counted(part.n[group])} trials`);
  const onclick = () => state.set({ [FILTER + axis.name]: writeGroup(axis, group) });
  const shape = { x: x - width / 2, width, y: MARGINS.top, height: bottom - MARGINS.top };
  return draw("rect", { class: "aim pick", fill: "transparent", onclick, ...shape }, title);
}
