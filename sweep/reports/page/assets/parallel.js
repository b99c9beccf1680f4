/**
 * Parallel coordinates by density: a line a trial, from axis to axis, counted and not drawn over
 * each other. Between two axes, trials of the same cells on both are one line with their number.
 */

import { Axis, axisTitle, drawAxis } from "sweep/axes";
import { addBrush } from "sweep/brush";
import { draw, make } from "sweep/dom";
import { block } from "sweep/figure";
import { canvasOf, Raster } from "sweep/raster";
import { clipped, counted } from "sweep/text";

const HEIGHT = 300;
const TOP = 34;
const BOTTOM = 24;
const RIGHT = 48;
const CELLS = 96; // along an axis of many values
const LEAST_GAP = 84;
const LETTER = 6.3; // pixels of a label
const BOLD = 7.6; // pixels of a title's letter
const LONGEST = 26; // letters of the labels of the first axis
const MOST_AXES = 10;

export function parallelView({ trials, state, selection, headline }) {
  const layouts = new WeakMap();
  const columns = () => {
    const named = state.get("axes")?.split(",").map((name) => trials.get(name)).filter(Boolean);
    return named?.length > 1 ? named : usual(trials, headline);
  };

  return {
    name: "parallel",
    title: "Parallel coordinates",
    isQuick: true,
    controls: () => [columnChoice(trials, columns(), state)],
    draw(body, { width, theme, isFile }) {
      const shown = columns();
      const left = leftOf(shown[0]);
      const room = Math.max(width, left + RIGHT + LEAST_GAP * (shown.length - 1));
      const key = [...shown.map((column) => column.name), room].join();
      let layout = layouts.get(body);
      if (!layout || layout.key !== key || !body.firstChild) {
        layout = layOut({ key, shown, width: room, left, theme, state, isFile });
        layouts.set(body, layout);
        body.replaceChildren(layout.block);
      }
      paint(layout, selection, theme);
      layout.updates.forEach((update) => update());
    },
    caption: () =>
      `The fuller, the larger the logarithm of how many trials pass; selected in colour (${counted(selection.count)} of ${trials.told}), all in grey.`,
    hint: "Drag along an axis to select; the ends of what is selected also move by the arrow keys, Escape clears it.",
    table() {
      const shown = columns();
      return { header: ["trial_id", ...shown.map((column) => column.name)], rows: rowsOf(trials, selection, shown) };
    },
  };
}

function usual(trials, headline) {
  const axes = trials.telling;
  const outcomes = [trials.get("epochs"), headline].filter((column) => column && column.role !== "axis");
  return [...axes.slice(0, MOST_AXES - outcomes.length), ...outcomes];
}

function* rowsOf(trials, selection, columns) {
  for (let i = 0; i < trials.count; i++) {
    if (selection.mask[i]) yield [trials.ids.text(i), ...columns.map((column) => column.full(i))];
  }
}

/** Return the room for the labels of the first axis. */
function leftOf(column) {
  const letters = column.isNumber ? 7 : Math.min(LONGEST, d3.max(column.levels, (level) => level.length) ?? 1);
  return Math.max(44, 14 + LETTER * letters, 4 * Math.min(22, column.title.length));
}

function columnChoice(trials, shown, state) {
  const boxes = trials.drawable.map((column) => {
    const box = make("input", {
      type: "checkbox",
      checked: shown.includes(column),
      onchange: () => {
        const kept = trials.drawable.filter((other) => (other === column ? box.checked : shown.includes(other)));
        state.set({ axes: kept.map((other) => other.name).join(",") });
      },
    });
    return make("label", { title: column.doc }, box, column.title);
  });
  return make("details", { class: "menu" }, make("summary", {}, `${shown.length} axes`), make("div", {}, ...boxes));
}

function layOut({ key, shown, width, left, theme, state, isFile }) {
  const gap = (width - left - RIGHT) / Math.max(1, shown.length - 1);
  const lettersOf = (k) => (k ? Math.max(6, Math.floor((gap - 24) / LETTER)) : LONGEST);
  const axes = shown.map((column, k) => new Axis(column, HEIGHT - BOTTOM, TOP, { letters: lettersOf(k) }));
  const raster = () => new Raster(width - left - RIGHT, HEIGHT, 1);
  const { canvas, pen } = canvasOf(width, HEIGHT);
  const bins = axes.map((axis) => binsOf(axis));
  const gaps = axes.slice(1).map((_, k) => ({
    left: bins[k],
    right: bins[k + 1],
    from: Math.round(k * gap),
    to: Math.round((k + 1) * gap),
    counts: new Uint32Array(bins[k].count * bins[k + 1].count),
  }));
  const drawn = axes.map((axis, k) => axisPart(axis, left + k * gap, gap, theme));
  const under = draw("svg", { width, height: HEIGHT, "aria-hidden": "true" }, ...drawn);
  const layers = [canvas, under];
  const updates = [];
  if (!isFile) {
    const groups = axes.map(() => draw("g"));
    layers.push(draw("svg", { width, height: HEIGHT, role: "group", "aria-label": "Select by the axes" }, ...groups));
    axes.forEach((axis, k) => {
      updates.push(addBrush(groups[k], { axis, isLevel: false, cross: left + k * gap - 8, thickness: 16, state, theme }));
    });
  }
  return { key, left, gaps, front: raster(), back: raster(), canvas, pen, updates, block: block(width, HEIGHT, ...layers) };
}

function axisPart(axis, x, gap, theme) {
  const line = draw("line", { x1: x, x2: x, y1: axis.from, y2: axis.to, stroke: theme.quiet });
  const name = clipped(axis.column.title, Math.max(8, Math.floor(gap / BOLD)));
  const full = draw("title", {}, axis.column.title);
  const title = axisTitle(name, x, TOP - 16, theme, { "text-anchor": "middle" });
  title.append(full);
  const ticks = drawAxis(axis, { isLevel: false, cross: x, theme });
  ticks.setAttribute("paint-order", "stroke");
  ticks.setAttribute("stroke", theme.page);
  ticks.setAttribute("stroke-width", "3");
  for (const mark of ticks.querySelectorAll("line")) mark.setAttribute("stroke-width", "1");
  return draw("g", {}, line, ticks, title);
}

/** Put the trials into cells along an axis; the last cell is of those without a value. */
function binsOf(axis) {
  const { column } = axis;
  const { codes, numbers, isBinned } = column.groups;
  const count = isBinned ? CELLS : numbers.length;
  const cells = new Uint16Array(column.count);
  const positions = column.positions;
  for (let i = 0; i < cells.length; i++) {
    const position = positions[i];
    if (position !== position) cells[i] = count;
    else cells[i] = isBinned ? Math.min(count - 1, (position * count) | 0) : codes[i];
  }
  const heights = new Float32Array(count + 1);
  for (let k = 0; k < count; k++) {
    heights[k] = axis.at(isBinned ? (k + 0.5) / count : column.positionOf(numbers[k][0]));
  }
  heights[count] = axis.missing;
  return { cells, heights, count: count + 1 };
}

function paint(layout, selection, theme) {
  const { pen, canvas, front, back } = layout;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!selection.isAll) {
    if (layout.isBackPainted) back.show(pen, layout.left, 0);
    else {
      for (const gap of layout.gaps) countLines(back, gap, null);
      back.paint(pen, layout.left, 0, theme.rest, 0.1, 0.7);
      layout.isBackPainted = true;
    }
  }
  front.clear();
  for (const gap of layout.gaps) countLines(front, gap, selection.mask);
  front.paint(pen, layout.left, 0, theme.accent, 0.1, 0.95);
}

function countLines(raster, { left, right, from, to, counts }, mask) {
  counts.fill(0);
  const columns = right.count;
  for (let i = 0; i < left.cells.length; i++) {
    if (mask === null || mask[i]) counts[left.cells[i] * columns + right.cells[i]]++;
  }
  const length = to - from;
  for (let pair = 0; pair < counts.length; pair++) {
    const count = counts[pair];
    if (count === 0) continue;
    const start = left.heights[(pair / columns) | 0];
    addLine(raster, from, start, length, right.heights[pair % columns] - start, count);
  }
}

/** Add a line to the raster, as high in each of its columns as it is steep. */
function addLine(raster, from, start, length, rise, count) {
  const { counts, width } = raster;
  const slope = rise / length;
  const reach = Math.max(1, Math.ceil(Math.abs(slope)));
  const share = count / reach;
  for (let k = 0; k < length; k++) {
    const y = start + slope * k;
    const top = (slope < 0 ? y + slope : y) | 0;
    for (let r = 0; r < reach; r++) counts[(top + r) * width + from + k] += share;
  }
}
