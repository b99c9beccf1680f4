/** A heat map of two axes, a panel for each value of a third: an outcome of the trials in each cell. */

import { choice, draw, picture } from "sweep/dom";
import { ENDINGS } from "sweep/endings";
import { block } from "sweep/figure";
import { FILTER, writeGroup } from "sweep/selection";
import { crossedPair, quantiles, sizes } from "sweep/statistics";
import { clipped, counted, digits, MISSING, percent, short, squeezed } from "sweep/text";

const MARGINS = { top: 24, right: 8, bottom: 44, left: 116 };
const LEAST_PANEL = 260;
const ROOMY = 40; // pixels of a cell that has room for its number
const MOST_PANELS = 9;
const LEGEND = 34;

export function heatmapView({ trials, state, selection, endings, headline }) {
  const few = trials.ranked.filter((column) => column.groups.labels.length <= 40);
  if (!few.length) return null;
  let usual = null; // which two axes are shown at first, found when they are
  const chosen = (name, place) => few.find((column) => column.name === state.get(name)) ?? (usual ??= crossedPair(few))[place];
  const axes = () => {
    const [x, y] = [chosen("hx", 0), chosen("hy", 1)];
    const third = few.find((column) => column.name === state.get("hz")) ?? null;
    return { x, y, third: third === x || third === y ? null : third };
  };
  const measures = measuresOf(trials, endings, headline);
  const measure = () => measures.find((one) => one.name === state.get("measure")) ?? measures[0];
  const counts = (i) => selection.mask[i] === 1;
  const options = few.map((column) => [column.name, column.title]);

  return {
    name: "heatmap",
    title: "Heat map of two axes",
    isQuick: false,
    controls: () => [
      choice("across", options, axes().x.name, (name) => state.set({ hx: name })),
      choice("up", options, axes().y.name, (name) => state.set({ hy: name })),
      choice("panels", [["", "none"], ...options], axes().third?.name ?? "", (name) => state.set({ hz: name || null })),
      choice("shows", measures.map(({ name, title }) => [name, title]), measure().name, (name) => state.set({ measure: name })),
    ],
    draw(body, { width, theme, isFile }) {
      const shown = axes();
      const cells = cellsOf(shown);
      const values = measure().of(cells, counts);
      const scale = scaleOf(values, measure(), theme);
      const panels = shown.third ? shown.third.groups.labels.length : 1;
      body.replaceChildren(drawPanels({ shown, cells, values, scale, panels: Math.min(panels, MOST_PANELS), width, theme, state, isFile, measure: measure() }));
    },
    hint: "Press a cell, or Enter on it, to select its trials; arrow keys go from cell to cell.",
    caption() {
      const { third } = axes();
      const left = third && third.groups.labels.length > MOST_PANELS ? ` The first ${MOST_PANELS} panels of ${third.groups.labels.length}.` : "";
      const of = selection.isAll ? `all ${trials.told}` : `${counted(selection.count)} of ${trials.told}, those selected`;
      return `${measure().doc}, of ${of}.${left}`;
    },
    table() {
      const { x, y, third } = axes();
      const cells = cellsOf(axes());
      const header = [third?.name ?? null, y.name, x.name, "trials", measure().name].filter(Boolean);
      return { header, rows: rowsOf(axes(), cells, sizes(cells, counts), measure().of(cells, counts)) };
    },
  };
}

function* rowsOf({ x, y, third }, { rows, columns }, counts, values) {
  for (let cell = 0; cell < values.length; cell++) {
    const [column, row, panel] = [cell % columns, Math.floor(cell / columns) % rows, Math.floor(cell / (columns * rows))];
    const place = [third?.groups.labels[panel], y.groups.labels[row], x.groups.labels[column]];
    const value = Number.isNaN(values[cell]) ? "" : values[cell];
    yield [...(third ? place : place.slice(1)), counts[cell], value];
  }
}

/** Return what a cell can show. */
function measuresOf(trials, endings, headline) {
  const numeric = trials.outcomes.filter((column) => column.isNumber);
  const sorted = [headline, ...numeric.filter((column) => column !== headline)];
  const medians = sorted.map((column) => ({
    name: `median_${column.name}`,
    title: `median ${column.title}`,
    doc: `Median ${column.title} of the trials that ended by themselves with a value`,
    isLog: column.isLog,
    tell: short,
    of: (cells, counts) => quantiles(column, cells, (i) => counts(i) && endings.isFinal(i), [0.5]).values[0],
  }));
  const shares = endings.present.map((k) => ({
    name: `share_${ENDINGS[k].name}`,
    title: `share ${ENDINGS[k].word}`,
    doc: `Share of trials that ${ENDINGS[k].name === "censored" ? "were censored" : `${ENDINGS[k].word}`}`,
    isLog: false,
    isShare: true,
    tell: percent,
    of: (cells, counts) => {
      const all = sizes(cells, counts);
      const some = sizes(cells, (i) => counts(i) && endings.codes[i] === k);
      return Float64Array.from(all, (n, cell) => (n ? some[cell] / n : NaN));
    },
  }));
  const number = { name: "trials", title: "number of trials", doc: "Number of trials", isLog: false, tell: short, of: (cells, counts) => Float64Array.from(sizes(cells, counts), (n) => n || NaN) };
  return [...medians.slice(0, 1), ...shares, number, ...medians.slice(1)];
}

/** Put each trial into its cell of its panel. */
function cellsOf({ x, y, third }) {
  const [across, up, deep] = [x, y, third].map((column) => column?.groups);
  const [columns, rows] = [across.labels.length, up.labels.length];
  const count = columns * rows * (deep ? deep.labels.length : 1);
  const codes = new Uint32Array(across.codes.length).fill(count);
  for (let i = 0; i < codes.length; i++) {
    const [a, b, c] = [across.codes[i], up.codes[i], deep ? deep.codes[i] : 0];
    if (a < columns && b < rows && (!deep || c < deep.labels.length)) codes[i] = (c * rows + b) * columns + a;
  }
  return { codes, count, columns, rows };
}

function scaleOf(values, { isLog, isShare }, theme) {
  const known = values.filter((value) => value === value);
  let [low, high] = isShare ? [0, 1] : d3.extent(known);
  const isLogged = isLog && low > 0;
  const height = isLogged ? Math.log : (value) => value;
  if (low === high) [low, high] = [low * 0.9, high * 1.1 || 1];
  const at = (value) => (height(value) - height(low)) / (height(high) - height(low));
  return { low, high, isLogged, at, ink: (value) => theme.ramp(at(value)) };
}

function drawPanels({ shown, cells, values, scale, panels, width, theme, state, isFile, measure }) {
  const across = Math.max(1, Math.min(panels, Math.floor(width / LEAST_PANEL)));
  const size = Math.floor(width / across);
  const room = size - MARGINS.left - MARGINS.right;
  const cell = { width: room / cells.columns, height: Math.max(20, Math.min(34, 300 / cells.rows)) };
  const tall = MARGINS.top + cells.rows * cell.height + MARGINS.bottom;
  const parts = d3.range(panels).map((panel) => {
    const place = `translate(${(panel % across) * size},${Math.floor(panel / across) * tall})`;
    return draw("g", { transform: place }, ...drawPanel({ panel, shown, cells, values, scale, cell, theme, state, isFile, measure }));
  });
  const height = Math.ceil(panels / across) * tall + LEGEND;
  const label = `${measure.title} by ${shown.x.title} and ${shown.y.title}`;
  const whole = picture(width, height, label, ...parts, ramp(scale, measure, theme, height - LEGEND + 6, width));
  if (!isFile) {
    whole.setAttribute("role", "group");
    whole.addEventListener("keydown", moveFocus);
  }
  return block(width, height, whole);
}

function drawPanel({ panel, shown, cells, values, scale, cell, theme, state, isFile, measure }) {
  const { x, y, third } = shown;
  const marks = [];
  for (let row = 0; row < cells.rows; row++) {
    for (let column = 0; column < cells.columns; column++) {
      const at = (panel * cells.rows + row) * cells.columns + column;
      const place = { x: MARGINS.left + column * cell.width, y: MARGINS.top + (cells.rows - 1 - row) * cell.height };
      const words = [third ? `${third.title} ${third.groups.labels[panel]}` : null, `${y.title} ${y.groups.labels[row]}`, `${x.title} ${x.groups.labels[column]}`];
      const told = `${words.filter(Boolean).join(", ")}: ${measure.tell(values[at])}`;
      const select = () => state.set(filtersOf([[x, column], [y, row], [third, panel]]));
      marks.push(drawCell({ value: values[at], place, cell, scale, theme, told, select, isFile, isFirst: marks.length === 0 && panel === 0, measure }));
    }
  }
  const title = third ? draw("text", { x: MARGINS.left, y: 14, "font-weight": 600, fill: theme.ink }, clipped(`${third.title} ${third.groups.labels[panel]}`, 36)) : null;
  return [title, ...marks, ...labels(shown, cells, cell, theme)].filter(Boolean);
}

function filtersOf(groups) {
  return Object.fromEntries(groups.filter(([column]) => column).map(([column, group]) => [FILTER + column.name, writeGroup(column, group)]));
}

function drawCell({ value, place, cell, scale, theme, told, select, isFile, isFirst, measure }) {
  const isKnown = value === value;
  const shape = { ...place, width: Math.max(1, cell.width - 1), height: cell.height - 1 };
  const tools = isFile ? {} : { class: "cell", role: "button", tabindex: isFirst ? 0 : -1, "aria-label": told, onclick: select, onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), select()) };
  const fill = isKnown ? { fill: scale.ink(value) } : { fill: "none", stroke: theme.line };
  const rect = draw("rect", { ...shape, ...fill, ...tools }, isFile ? null : draw("title", {}, told));
  if (cell.width < ROOMY) return rect;
  const ink = isKnown ? readable(scale.ink(value)) : theme.quiet;
  const text = { x: place.x + cell.width / 2, y: place.y + cell.height / 2 + 4, "text-anchor": "middle", fill: ink, "font-size": 11, "pointer-events": "none", "aria-hidden": "true" };
  return draw("g", {}, rect, draw("text", text, isKnown ? measure.tell(value) : MISSING));
}

/** Return black or white, whichever can be read on a colour. */
function readable(colour) {
  return d3.lab(colour).l > 58 ? "#111" : "#fff";
}

function labels({ x, y }, cells, cell, theme) {
  const bottom = MARGINS.top + cells.rows * cell.height;
  const text = (words, attributes) => draw("text", { fill: theme.quiet, "font-size": 11, ...attributes }, words);
  const every = Math.max(1, Math.ceil(44 / cell.width));
  const letters = Math.max(4, Math.floor((every * cell.width) / 6.5));
  const below = x.groups.labels.map((label, k) => (k % every ? null : text(squeezed(label, letters), { x: MARGINS.left + (k + 0.5) * cell.width, y: bottom + 14, "text-anchor": "middle" })));
  const beside = y.groups.labels.map((label, k) => text(squeezed(label, 17), { x: MARGINS.left - 6, y: bottom - (k + 0.5) * cell.height + 4, "text-anchor": "end" }));
  const titles = [
    text(x.title, { x: MARGINS.left + (cells.columns * cell.width) / 2, y: bottom + 32, "text-anchor": "middle", fill: theme.ink, "font-weight": 600 }),
    text(clipped(y.title, 18), { x: MARGINS.left - 6, y: MARGINS.top - 8, "text-anchor": "end", fill: theme.ink, "font-weight": 600 }),
  ];
  return [...below, ...beside, ...titles].filter(Boolean);
}

function ramp(scale, measure, theme, top, width) {
  if (!Number.isFinite(scale.low)) return null;
  const steps = d3.range(24).map((k) => draw("rect", { x: MARGINS.left + 6 * k, y: top, width: 6.5, height: 9, fill: theme.ramp(k / 23) }));
  const text = (words, x, anchor) => draw("text", { x, y: top + 9, "text-anchor": anchor, fill: theme.quiet, "font-size": 11 }, words);
  const end = MARGINS.left + 144;
  const what = clipped(`${measure.title}${scale.isLogged ? " (log)" : ""}`, Math.max(1, Math.floor((width - end - 60) / 6.2)));
  return draw("g", {}, ...steps, text(measure.tell(scale.low), MARGINS.left - 6, "end"), text(`${measure.tell(scale.high)}  ${what}`, end + 8, "start"));
}

/** Move from cell to cell by the arrow keys. */
function moveFocus(event) {
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!direction) return;
  const all = [...event.currentTarget.querySelectorAll(".cell")];
  const here = document.activeElement.getBoundingClientRect();
  const ahead = all
    .map((cell) => ({ cell, box: cell.getBoundingClientRect() }))
    .map(({ cell, box }) => ({ cell, along: (box.x - here.x) * direction[0] + (box.y - here.y) * direction[1], aside: Math.abs((box.x - here.x) * direction[1]) + Math.abs((box.y - here.y) * direction[0]) }))
    .filter(({ along, aside }) => along > 1 && aside < 2);
  const next = d3.least(ahead, ({ along }) => along)?.cell;
  if (!next) return;
  event.preventDefault();
  document.activeElement.setAttribute("tabindex", -1);
  next.setAttribute("tabindex", 0);
  next.focus();
}
