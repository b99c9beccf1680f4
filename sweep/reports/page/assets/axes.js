/** Axes of figures: ticks, their labels, and the room for trials that have no value. */

import { draw } from "sweep/dom";
import { MISSING, short, squeezed } from "sweep/text";

const MOST_TICKS = 8;
const LETTER = 6.2; // pixels
const LINE = 12; // pixels from a label to the next above it
const OVERHANG = 8; // pixels that a label may reach beyond the end of its axis
const INSET = 24;
export const LONGEST = 16; // letters of a label
const ROOM = 18; // for trials without a value

/**
 * A column along a line of a figure, `from` and `to` in its units; `to` may be the lesser. Labels
 * have so many letters at most, and those of a level axis stand in so many rows in turn.
 */
export class Axis {
  constructor(column, from, to, { letters = LONGEST, rows = 1 } = {}) {
    Object.assign(this, { column, letters, rows });
    this.hasMissing = column.positions.some((position) => position !== position);
    const direction = Math.sign(to - from);
    this.missing = from + direction * (ROOM / 2 - 2);
    this.from = this.hasMissing ? from + direction * ROOM : from;
    this.to = to;
    this.isLevel = direction > 0;
    // Few values stand a little within, so that there is room to spread those of equal value.
    const isSpread = column.isNumber && !column.groups.isBinned;
    this.inset = isSpread ? Math.min(INSET, Math.abs(to - this.from) / (2 * column.groups.labels.length + 2)) * direction : 0;
  }

  get #start() {
    return this.from + this.inset;
  }

  get #length() {
    return this.to - this.from - 2 * this.inset;
  }

  /** Return where a position of the column, 0 to 1, lies. */
  at(position) {
    return position === position ? this.#start + this.#length * position : this.missing;
  }

  /** Return the position of the column that lies there, within 0 and 1. */
  positionAt(place) {
    return Math.min(1, Math.max(0, (place - this.#start) / this.#length));
  }

  /** The ticks: positions with their labels, each in its row; without a label where there is no room for one. */
  get ticks() {
    const length = Math.abs(this.to - this.from);
    return this.column.isNumber ? this.#numberTicks(length) : this.#levelTicks(length);
  }

  #numberTicks(length) {
    const room = Math.max(2, Math.min(MOST_TICKS, Math.floor(length / (this.isLevel ? 6 * LETTER + 8 : 22))));
    let last = -Infinity;
    return numberTicks(this.column, room).map(([number, label]) => {
      const position = this.column.positionOf(number);
      const place = Math.abs(this.at(position) - this.from);
      const half = this.isLevel ? (label.length * LETTER) / 2 + 2 : LINE / 2;
      const isFree = place - half >= last;
      if (isFree) last = place + half;
      return { position, label: isFree ? label : null, row: 0 };
    });
  }

  #levelTicks(length) {
    const { levels } = this.column;
    const longest = Math.min(this.letters, d3.max(levels, (level) => level.length) ?? 1);
    const spacing = this.isLevel ? longest * LETTER + 4 : 22;
    const step = length / levels.length;
    const rows = spacing <= step ? 1 : this.rows;
    const every = Math.max(1, Math.ceil(Math.min(spacing, length / 2) / (step * rows)));
    const letters = this.isLevel ? Math.min(longest, Math.max(4, Math.floor((every * rows * step - 4) / LETTER))) : longest;
    const shown = levels.map((level, place) => ({ position: this.column.positionOf(place), label: squeezed(level, letters) }));
    return shown.filter((_, place) => place % every === 0).map((tick, k) => ({ ...tick, row: k % rows }));
  }
}

function numberTicks(column, room) {
  const { labels, numbers, isBinned } = column.groups;
  if (!isBinned && labels.length <= MOST_TICKS) return numbers.map(([number]) => [number, short(number)]);
  const [low, high] = column.range;
  const chosen = column.isLog ? logTicks(low, high, room) : d3.ticks(low, high, room);
  return chosen.map((number) => [number, short(number)]);
}

function logTicks(low, high, room) {
  const powers = d3.range(Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9) + 1);
  if (powers.length < 3) return roundTicks(low, high, room);
  const step = Math.ceil(powers.length / room);
  return powers.filter((_, k) => k % step === 0).map((power) => Number(`1e${power}`));
}

/** Return 1, 2 and 5 of each power of ten, as far as there is room for them. */
function roundTicks(low, high, room) {
  const within = d3.scaleLog([low, high], [0, 1]).ticks(30);
  const leading = (number) => Math.round(number / 10 ** Math.floor(Math.log10(number) + 1e-9));
  const choices = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]];
  const fitting = choices.map((digits) => within.filter((number) => digits.includes(leading(number))));
  return fitting.find((some) => some.length <= room && some.length > 1) ?? [low, high];
}

/** Return the axis as a picture: below the figure where it is level, else to the left of it. */
export function drawAxis(axis, { isLevel, cross, theme, grid = 0, title = null }) {
  const line = (attributes) => draw("line", { stroke: theme.line, ...attributes });
  const parts = axis.ticks.flatMap(({ position, label, row }) => {
    const at = axis.at(position);
    const mark = isLevel
      ? line({ x1: at, x2: at, y1: cross - grid, y2: cross + 4 + LINE * row })
      : line({ x1: cross - 4, x2: cross + grid, y1: at, y2: at });
    if (label === null) return [mark];
    return [mark, isLevel ? levelText(axis, label, at, cross + 16 + LINE * row, theme) : tickText(label, cross - 7, at + 4, "end", theme)];
  });
  if (axis.hasMissing) {
    parts.push(
      isLevel
        ? tickText("none", axis.missing, cross + 16, "middle", theme)
        : tickText("none", cross - 7, axis.missing + 4, "end", theme),
    );
  }
  if (title) parts.push(title);
  return draw("g", { "aria-hidden": "true" }, ...parts);
}

/** Return a label below its tick, moved in where it would reach beyond the end of the axis. */
function levelText(axis, label, at, y, theme) {
  const isBeyond = at + (label.length * LETTER) / 2 > axis.to + OVERHANG;
  return isBeyond ? tickText(label, axis.to + OVERHANG, y, "end", theme) : tickText(label, at, y, "middle", theme);
}

function tickText(label, x, y, anchor, theme) {
  return draw("text", { x, y, "text-anchor": anchor, fill: theme.quiet, "font-size": 11 }, label || MISSING);
}

/** Return the title of an axis. */
export function axisTitle(text, x, y, theme, attributes = {}) {
  return draw("text", { x, y, fill: theme.ink, "font-size": 12, "font-weight": 600, ...attributes }, text);
}
