/** Any two columns against each other: every trial counts in a raster, the selected ones in colour. */

import { Axis, axisTitle, drawAxis } from "sweep/axes";
import { addBrush } from "sweep/brush";
import { choice, draw } from "sweep/dom";
import { ENDINGS, outline } from "sweep/endings";
import { block } from "sweep/figure";
import { legend } from "sweep/legend";
import { canvasOf, jitter, Raster } from "sweep/raster";
import { FILTER, writeFilter } from "sweep/selection";
import { counted } from "sweep/text";

const MARGINS = { top: 10, right: 12, bottom: 46, left: 64 };
const HEIGHT = 360;
const MOST_GLYPHS = 1500;
const GLYPHS = ENDINGS.map((ending) => new Path2D(outline(ending, 28)));
const MOST_LEVELS = 8;
const BAND = 0.7; // of the room between two values, over which equal ones are spread

export function scatterView({ trials, state, selection, endings, headline, open }) {
  const layouts = new WeakMap();
  const columns = () => ({
    x: trials.get(state.get("x")) ?? trials.ranked[0] ?? headline,
    y: trials.get(state.get("y")) ?? headline,
  });
  const options = trials.drawable.map((column) => [column.name, column.title]);
  const colouring = () => colouringBy(state.get("colour", "ending"), trials, endings);

  return {
    name: "scatter",
    title: "Scatter of two columns",
    isQuick: true,
    controls: () => [
      choice("across", options, columns().x.name, (name) => state.set({ x: name })),
      choice("up", options, columns().y.name, (name) => state.set({ y: name })),
      choice("colour", colourOptions(trials), state.get("colour", "ending"), (name) =>
        state.set({ colour: name === "ending" ? null : name }),
      ),
    ],
    draw(body, { width, theme, isFile }) {
      const { x, y } = columns();
      const colour = colouring();
      const key = [x.name, y.name, colour.name, width].join();
      let layout = layouts.get(body);
      if (!layout || layout.key !== key || !body.firstChild) {
        layout = layOut({ key, x, y, width, theme, state, trials, open, isFile });
        layouts.set(body, layout);
        body.replaceChildren(legend(colour.items(theme), width, theme), layout.block);
      }
      paint(layout, selection, colour, endings, theme);
      layout.update();
    },
    hint: "Drag to select, press on a trial to open its page.",
    caption() {
      const { x, y } = columns();
      const absent = [x, y].filter((column) => column.positions.some((at) => at !== at));
      const none = absent.length ? ` Trials without a value lie under “none”.` : "";
      return `Each cell is shaded by the logarithm of how many trials it holds; selected in colour (${counted(selection.count)} of ${trials.told}), the rest grey.${none}`;
    },
    table() {
      const { x, y } = columns();
      return { header: ["trial_id", x.name, y.name, "ending"], rows: rowsOf(trials, selection, endings, [x, y]) };
    },
  };
}

function* rowsOf(trials, selection, endings, columns) {
  for (let i = 0; i < trials.count; i++) {
    if (!selection.mask[i]) continue;
    yield [trials.ids.text(i), ...columns.map((column) => column.full(i)), ENDINGS[endings.codes[i]].name];
  }
}

function colourOptions(trials) {
  const few = trials.drawable.filter((column) => column.groups.labels.length <= MOST_LEVELS && column.role === "axis");
  return [["ending", "how it ended"], ...few.map((column) => [column.name, column.title])];
}

/** Return by what trials are coloured: a code each, colours and words for the codes. */
function colouringBy(name, trials, endings) {
  const column = trials.get(name);
  if (!column || column.groups.labels.length > MOST_LEVELS) {
    const items = (theme) =>
      endings.present.map((k) => ({
        word: `${ENDINGS[k].word} ${counted(endings.counts[k])}`,
        colour: theme.endings[k],
        ending: ENDINGS[k],
      }));
    return { name: "ending", codes: endings.codes, palette: (theme) => theme.endings, items };
  }
  const { codes, labels, isBinned } = column.groups;
  const isOrdered = column.isNumber && labels.length > 2;
  const palette = (theme) =>
    isOrdered ? labels.map((_, k) => theme.ramp(0.15 + (0.85 * k) / (labels.length - 1))) : theme.categories;
  const items = (theme) => labels.map((word, k) => ({ word, colour: palette(theme)[k] }));
  return { name, codes, palette, items, isBinned };
}

function layOut({ key, x, y, width, theme, state, trials, open, isFile }) {
  const bottom = HEIGHT - MARGINS.bottom;
  const across = new Axis(x, MARGINS.left, width - MARGINS.right);
  const up = new Axis(y, bottom, MARGINS.top);
  const cell = trials.count > 50_000 ? 2 : 3;
  const raster = () => new Raster(width - MARGINS.left - MARGINS.right + 2 * cell, bottom - MARGINS.top + 2 * cell, cell);
  const front = raster();
  const places = { x: pixels(across, trials.count, 0), y: pixels(up, trials.count, 7919) };
  const cells = cellsOf(places, front);
  const { canvas, pen } = canvasOf(width, HEIGHT);
  const grid = { theme, cross: bottom, grid: bottom - MARGINS.top };
  const under = draw(
    "svg",
    { width, height: HEIGHT, "aria-hidden": "true" },
    drawAxis(across, { ...grid, isLevel: true }),
    drawAxis(up, { theme, cross: MARGINS.left, isLevel: false, grid: width - MARGINS.left - MARGINS.right }),
    axisTitle(`${x.title}${x.isLog ? " (log)" : ""}`, (MARGINS.left + width) / 2, HEIGHT - 8, theme, { "text-anchor": "middle" }),
    axisTitle(`${y.title}${y.isLog ? " (log)" : ""}`, 0, 0, theme, {
      transform: `translate(12,${bottom / 2}) rotate(-90)`,
      "text-anchor": "middle",
    }),
  );
  const layout = { key, across, up, front, back: raster(), cells, places, canvas, pen, update: () => {} };
  const layers = [under, canvas];
  if (!isFile) {
    const tools = toolsOf({ across, up, width, bottom, state, theme, places, open, x, y });
    layers.push(tools.element);
    layout.update = tools.update;
  }
  layout.block = block(width, HEIGHT, ...layers);
  return layout;
}

/** Where each trial lies along an axis; trials of the same value are spread a little. */
function pixels(axis, count, salt) {
  const { column } = axis;
  const { labels, isBinned } = column.groups;
  const length = Math.abs(axis.to - axis.from);
  const spread = isBinned ? 0 : Math.min(28, (BAND * length) / Math.max(2, labels.length));
  const half = spread / 2;
  const [low, high] = [Math.min(axis.from, axis.to), Math.max(axis.from, axis.to)];
  const positions = column.positions;
  const placed = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = positions[i];
    if (position !== position) placed[i] = axis.missing + jitter(i + salt) * 8;
    else {
      const at = axis.at(position) + (spread ? jitter(i + salt) * spread : 0);
      placed[i] = Math.min(high + half, Math.max(low - half, at));
    }
  }
  return placed;
}

function cellsOf({ x, y }, raster) {
  const cells = new Uint32Array(x.length);
  for (let i = 0; i < cells.length; i++) {
    const column = Math.min(raster.width - 1, Math.max(0, ((x[i] - MARGINS.left) / raster.cell + 1) | 0));
    const row = Math.min(raster.height - 1, Math.max(0, ((y[i] - MARGINS.top) / raster.cell + 1) | 0));
    cells[i] = row * raster.width + column;
  }
  return cells;
}

function paint(layout, selection, colour, endings, theme) {
  const { pen, canvas, front, back, cells } = layout;
  const left = MARGINS.left - front.cell;
  const top = MARGINS.top - front.cell;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (!selection.isAll) {
    if (layout.isBackPainted) back.show(pen, left, top);
    else {
      back.count(cells, new Uint8Array(cells.length).fill(1));
      back.paint(pen, left, top, theme.rest, 0.25, 0.8);
      layout.isBackPainted = true;
    }
  }
  front.clear();
  front.count(cells, selection.mask, colour.codes, colour.palette(theme));
  front.paint(pen, left, top, theme.accent, 0.45, 1);
  paintGlyphs(layout, selection, endings, theme);
}

/** Draw the endings that are few as shapes over the raster. */
function paintGlyphs({ pen, places }, selection, endings, theme) {
  const rare = endings.present.filter((k) => k !== 0 && endings.counts[k] <= MOST_GLYPHS);
  for (const k of rare) {
    const shape = new Path2D();
    for (let i = 0; i < endings.codes.length; i++) {
      if (selection.mask[i] && endings.codes[i] === k) {
        shape.addPath(GLYPHS[k], { e: places.x[i], f: places.y[i] });
      }
    }
    pen.fillStyle = pen.strokeStyle = theme.endings[k];
    if (ENDINGS[k].fill) pen.fill(shape);
    else pen.stroke(shape);
  }
}

function toolsOf({ across, up, width, bottom, state, theme, places, open, x, y }) {
  const aim = draw("rect", {
    class: "aim",
    x: MARGINS.left,
    y: MARGINS.top,
    width: width - MARGINS.left - MARGINS.right,
    height: bottom - MARGINS.top,
    fill: "transparent",
  });
  const frame = draw("rect", { class: "band", fill: theme.accent, "fill-opacity": 0.06, stroke: theme.accent, visibility: "hidden" });
  const brushes = [draw("g"), draw("g")];
  const element = draw(
    "svg",
    { width, height: HEIGHT, role: "group", "aria-label": `Select by ${x.title} and ${y.title}` },
    aim,
    frame,
    ...brushes,
  );
  const updates = [
    addBrush(brushes[0], { axis: across, isLevel: true, cross: bottom, thickness: 14, state, theme }),
    addBrush(brushes[1], { axis: up, isLevel: false, cross: MARGINS.left - 14, thickness: 14, state, theme }),
  ];
  followPointer(element, aim, frame, { across, up, state, places, open });
  return { element, update: () => updates.forEach((update) => update()) };
}

function followPointer(element, aim, frame, { across, up, state, places, open }) {
  aim.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const bounds = element.getBoundingClientRect();
    const at = (moved) => [moved.clientX - bounds.left, moved.clientY - bounds.top];
    const start = at(event);
    let isDragged = false;
    const select = (moved, isSettled) => {
      const end = at(moved);
      isDragged ||= Math.hypot(end[0] - start[0], end[1] - start[1]) > 4;
      if (!isDragged) return;
      state.set({ ...rangeOn(across, start[0], end[0]), ...rangeOn(up, start[1], end[1]) }, isSettled);
      const box = { x: Math.min(start[0], end[0]), y: Math.min(start[1], end[1]), width: Math.abs(end[0] - start[0]), height: Math.abs(end[1] - start[1]) };
      for (const [name, value] of Object.entries(box)) frame.setAttribute(name, value);
      frame.setAttribute("visibility", isSettled ? "hidden" : "visible");
    };
    const drag = (moved) => select(moved, false);
    aim.setPointerCapture(event.pointerId);
    aim.addEventListener("pointermove", drag);
    const stop = (ended) => {
      aim.removeEventListener("pointermove", drag);
      if (isDragged) select(ended, true);
      else open(nearest(places, ...start));
    };
    aim.addEventListener("lostpointercapture", stop, { once: true });
  });
}

function rangeOn(axis, from, to) {
  const [low, high] = [axis.positionAt(from), axis.positionAt(to)].sort((a, b) => a - b);
  return { [FILTER + axis.column.name]: writeFilter(axis.column, low, high) };
}

/** Return the trial drawn nearest to a place, or -1 if none is near. */
function nearest({ x, y }, px, py) {
  let [best, least] = [-1, 100];
  for (let i = 0; i < x.length; i++) {
    const distance = (x[i] - px) ** 2 + (y[i] - py) ** 2;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}
