/**
 * Which trials are selected: those that every filter lets through. A filter is a range or a set of
 * levels of one column, or the expression; each has a bit of every trial, set where it holds it back.
 */

import { digits } from "sweep/text";

export const FILTER = "f.";
const BETWEEN = "~";
const ROUNDING = 5e-7; // of a number that is shown to six digits
const MOST_FILTERS = 31;

export class Selection {
  #bits = new Map();
  #texts = new Map();

  constructor(trials, state, condition) {
    this.trials = trials;
    this.state = state;
    this.condition = condition;
    this.held = new Uint32Array(trials.count);
    this.mask = new Uint8Array(trials.count).fill(1);
    this.count = trials.count;
    this.fault = null;
    this.version = 0;
    this.update();
  }

  get isAll() {
    return this.count === this.trials.count;
  }

  /** The columns with a filter. */
  get columns() {
    const names = this.state.names(FILTER).map((name) => name.slice(FILTER.length));
    return names.map((name) => this.trials.get(name)).filter(Boolean);
  }

  /** Take up what the state says; return whether any trial came or went. */
  update() {
    const wanted = new Map();
    for (const column of this.columns) wanted.set(column.name, this.state.get(FILTER + column.name));
    const where = this.state.get("where");
    if (where) wanted.set("", where);
    let isChanged = false;
    for (const key of this.#texts.keys()) if (!wanted.has(key)) isChanged = this.#drop(key) || true;
    for (const [key, text] of wanted) {
      if (this.#texts.get(key) !== text) isChanged = this.#apply(key, text) || true;
    }
    if (isChanged) this.#count();
    return isChanged;
  }

  /** Places of the selected trials in table order, at most so many, evenly spread. */
  some(most = Infinity) {
    const places = [];
    const step = Math.max(1, this.count / most);
    let seen = 0;
    for (let i = 0; i < this.trials.count; i++) {
      if (!this.mask[i]) continue;
      if (seen >= places.length * step) places.push(i);
      seen++;
    }
    return places;
  }

  #drop(key) {
    const bit = this.#bits.get(key);
    for (let i = 0; i < this.held.length; i++) this.held[i] &= ~bit;
    this.#texts.delete(key);
    this.#bits.delete(key);
    if (key === "") this.fault = null;
  }

  #apply(key, text) {
    const bit = this.#bits.get(key) ?? this.#freeBit();
    this.#bits.set(key, bit);
    this.#texts.set(key, text);
    if (key === "") this.#applyCondition(text, bit);
    else applyFilter(this.held, bit, this.trials.get(key), readFilter(text, this.trials.get(key)));
  }

  #applyCondition(text, bit) {
    this.fault = null;
    try {
      const holds = this.condition(text, this.trials);
      for (let i = 0; i < this.held.length; i++) {
        this.held[i] = holds[i] ? this.held[i] & ~bit : this.held[i] | bit;
      }
    } catch (error) {
      this.fault = error.message;
      for (let i = 0; i < this.held.length; i++) this.held[i] &= ~bit;
    }
  }

  #freeBit() {
    const used = new Set(this.#bits.values());
    for (let k = 0; k < MOST_FILTERS; k++) if (!used.has(1 << k)) return 1 << k;
    throw new Error(`at most ${MOST_FILTERS} filters at a time`);
  }

  #count() {
    let count = 0;
    for (let i = 0; i < this.held.length; i++) count += this.mask[i] = this.held[i] === 0 ? 1 : 0;
    this.count = count;
    this.version++;
  }
}

function applyFilter(held, bit, column, filter) {
  const numbers = column.numbers;
  if (filter.levels) {
    const isIn = new Uint8Array(column.levels.length);
    for (const level of filter.levels) isIn[level] = 1;
    for (let i = 0; i < held.length; i++) {
      held[i] = isIn[numbers[i]] === 1 ? held[i] & ~bit : held[i] | bit;
    }
    return;
  }
  const low = filter.low - Math.abs(filter.low) * ROUNDING;
  const high = filter.high + Math.abs(filter.high) * ROUNDING;
  for (let i = 0; i < held.length; i++) {
    held[i] = numbers[i] >= low && numbers[i] <= high ? held[i] & ~bit : held[i] | bit;
  }
}

/** Return what the text of a filter says: low and high of numbers, or places of levels. */
export function readFilter(text, column) {
  const parts = text.split(BETWEEN);
  if (column.isNumber) {
    const [low, high] = parts.map(Number);
    return { low: Number.isNaN(low) ? -Infinity : low, high: Number.isNaN(high) ? Infinity : high };
  }
  const places = parts.map((part) => column.levels.indexOf(decodeURIComponent(part)));
  return { levels: places.filter((place) => place >= 0) };
}

/** Return the text of a filter between two positions of a column, 0 to 1; null where it is all. */
export function writeFilter(column, from, to) {
  if (from <= 0 && to >= 1) return null;
  if (column.isNumber) {
    return [from, to].map((position) => digits(column.numberAt(position))).join(BETWEEN);
  }
  const first = Math.ceil(column.numberAt(from) - 1e-9);
  const last = Math.floor(column.numberAt(to) + 1e-9);
  return writeLevels(column, d3.range(Math.max(0, first), Math.min(column.levels.length - 1, last) + 1));
}

/** Return the text of a filter of those levels. */
export function writeLevels(column, places) {
  const plain = (level) => encodeURIComponent(level).replaceAll(BETWEEN, "%7E");
  return places.map((place) => plain(column.levels[place])).join(BETWEEN);
}

/** Return the text of a filter of one group of a column's trials. */
export function writeGroup(column, group) {
  if (!column.isNumber) return writeLevels(column, [group]);
  return column.groups.numbers[group].map((number) => digits(number)).join(BETWEEN);
}

/** Return the two positions that a filter of a column spans, and whether it is all in between. */
export function spanOf(column, text) {
  const filter = readFilter(text, column);
  if (!filter.levels) {
    const at = (number) => Math.min(1, Math.max(0, column.positionOf(number)));
    return [filter.low === -Infinity ? 0 : at(filter.low), filter.high === Infinity ? 1 : at(filter.high)];
  }
  if (!filter.levels.length) return [0, 0];
  const half = 0.5 / column.levels.length;
  const ends = [Math.min(...filter.levels), Math.max(...filter.levels)];
  return [column.positionOf(ends[0]) - half, column.positionOf(ends[1]) + half];
}

/** Say a filter in words. */
export function tellFilter(column, text) {
  const filter = readFilter(text, column);
  if (filter.levels) {
    const names = filter.levels.map((place) => column.levels[place]);
    return names.length > 3 ? `${names.length} of ${column.levels.length} values` : names.join(", ") || "nothing";
  }
  if (filter.low === filter.high) return digits(filter.low);
  return `${digits(filter.low, 4)} to ${digits(filter.high, 4)}`;
}
