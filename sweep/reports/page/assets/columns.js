/** The trials as columns of typed arrays, one value a trial; there is no object a trial. */

import { sortedPlaces } from "sweep/statistics";
import { counted, digits, MISSING } from "sweep/text";

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array };
const MOST_DISTINCT = 40;
const BINS = 12;
export const NO_GROUP = 65535;

/** A column: what the manifest says of it, and its values. */
export class Column {
  #numbers = null;
  #positions = null;
  #groups = null;
  #order = null;

  constructor(entry, buffer, count) {
    Object.assign(this, entry);
    this.count = count;
    const kind = entry.type === "hex8" ? Uint8Array : ARRAYS[entry.type];
    const length = entry.type === "hex8" ? count * 8 : count;
    const bytes = length * kind.BYTES_PER_ELEMENT;
    this.values = new kind(buffer.slice(entry.offset, entry.offset + bytes));
    this.none = { u1: 255, u2: 65535, u4: 4294967295 }[entry.type];
  }

  get isNumber() {
    return this.kind === "number";
  }

  get isLog() {
    return this.scale === "log";
  }

  /** The values as numbers, NaN where one is missing or not finite; of a category its level's place. */
  get numbers() {
    if (this.#numbers) return this.#numbers;
    const numbers = new Float64Array(this.count);
    for (let i = 0; i < this.count; i++) {
      const value = this.values[i];
      numbers[i] = value === this.none || !Number.isFinite(value) ? NaN : value;
    }
    return (this.#numbers = numbers);
  }

  /** Least and largest value, on a logarithmic scale of those above 0. */
  get range() {
    if (this.known) return this.known;
    let [low, high] = [Infinity, -Infinity];
    for (const value of this.numbers) {
      if (this.isLog && value <= 0) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low > high) [low, high] = [0, 1];
    if (low === high) [low, high] = this.isLog ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
    return (this.known = [low, high]);
  }

  /** Return where a number lies between the column's least, 0, and largest, 1. */
  positionOf(number) {
    if (!this.isNumber) return (number + 0.5) / this.levels.length;
    const [low, high] = this.range;
    if (!this.isLog) return (number - low) / (high - low);
    return number > 0 ? Math.log(number / low) / Math.log(high / low) : number === number ? 0 : NaN;
  }

  /** Return the number at a position. */
  numberAt(position) {
    if (!this.isNumber) return position * this.levels.length - 0.5;
    const [low, high] = this.range;
    return this.isLog ? low * (high / low) ** position : low + (high - low) * position;
  }

  /** Where each value lies, 0 to 1; NaN where it is missing. */
  get positions() {
    if (this.#positions) return this.#positions;
    const positions = new Float32Array(this.count);
    const numbers = this.numbers;
    if (this.isNumber && !this.isLog) {
      const [low, high] = this.range;
      for (let i = 0; i < this.count; i++) positions[i] = (numbers[i] - low) / (high - low);
    } else for (let i = 0; i < this.count; i++) positions[i] = this.positionOf(numbers[i]);
    return (this.#positions = positions);
  }

  /**
   * The trials in groups of equal value, or of like value where there are too many values.
   * @returns {{codes: Uint16Array, labels: string[], numbers: number[][], isBinned: boolean}}
   */
  get groups() {
    return (this.#groups ??= this.isNumber ? this.#numberGroups() : this.#levelGroups());
  }

  /** Places of the trials from least to largest value; those without one last. */
  get order() {
    if (this.kind !== "id") return (this.#order ??= sortedPlaces(this.numbers));
    const places = Uint32Array.from({ length: this.count }, (_, i) => i);
    return (this.#order ??= places.sort((a, b) => (this.text(a) < this.text(b) ? -1 : 1)));
  }

  /** Return a value for people. */
  text(i) {
    if (this.kind === "id") return hex(this.values, i);
    const value = this.values[i];
    if (value === this.none || Number.isNaN(value)) return MISSING;
    if (!this.isNumber) return this.levels[value];
    return Number.isInteger(value) && this.none ? String(value) : infinite(value) ?? digits(value);
  }

  /** Return a value for a file, in full; empty where it is missing. */
  full(i) {
    if (this.kind !== "number") return this.text(i) === MISSING ? "" : this.text(i);
    const value = this.values[i];
    if (value === this.none || Number.isNaN(value)) return "";
    return this.type === "f4" ? digits(value, 7) : String(value);
  }

  /** Return a number of this column, or the name of the level at that place, for people. */
  told(number) {
    return this.isNumber ? digits(number) : (this.levels[number] ?? MISSING);
  }

  #levelGroups() {
    const codes = new Uint16Array(this.count);
    for (let i = 0; i < this.count; i++) codes[i] = this.values[i] === this.none ? NO_GROUP : this.values[i];
    const numbers = this.levels.map((_, code) => [code, code]);
    return { codes, labels: this.levels, numbers, isBinned: false };
  }

  #numberGroups() {
    const distinct = this.#distinct();
    if (distinct === null) return this.#binned();
    const codes = new Uint16Array(this.count);
    const places = new Map(distinct.map((value, place) => [value, place]));
    this.numbers.forEach((value, i) => (codes[i] = places.get(value) ?? NO_GROUP));
    const numbers = distinct.map((value) => [value, value]);
    return { codes, labels: distinct.map((value) => digits(value)), numbers, isBinned: false };
  }

  #distinct() {
    const seen = new Set();
    for (const value of this.numbers) {
      if (value === value) seen.add(value);
      if (seen.size > MOST_DISTINCT) return null;
    }
    return [...seen].sort((a, b) => a - b);
  }

  #binned() {
    const codes = new Uint16Array(this.count);
    this.positions.forEach((position, i) => {
      codes[i] = position === position ? Math.min(BINS - 1, Math.floor(position * BINS)) : NO_GROUP;
    });
    const edges = Array.from({ length: BINS + 1 }, (_, k) => this.numberAt(k / BINS));
    const numbers = edges.slice(1).map((high, k) => [edges[k], high]);
    const labels = numbers.map(([low, high]) => `${digits(low, 3)} to ${digits(high, 3)}`);
    return { codes, labels, numbers, isBinned: true };
  }
}

/** The columns of a sweep by name, and by what they are to a reader. */
export class Trials {
  constructor(manifest, buffer) {
    this.count = manifest.trials;
    this.columns = manifest.columns.map((entry) => new Column(entry, buffer, this.count));
    this.byName = new Map(this.columns.map((column) => [column.name, column]));
    this.axes = this.columns.filter((column) => column.role === "axis");
    this.outcomes = this.columns.filter((column) => column.role === "outcome");
    this.settings = this.axes.filter((column) => !manifest.repeats.includes(column.name));
    this.telling = tellingOf(this.settings);
    this.ranks = ranksOf(manifest);
    this.ranked = this.rank(this.telling, (column) => column.name);
    this.drawable = this.columns.filter((column) => column.kind !== "id");
    this.ids = this.columns.find((column) => column.kind === "id");
  }

  get(name) {
    return this.byName.get(name);
  }

  /** Return things in the order in which the axes that `nameOf` has of them matter, the others after them. */
  rank(things, nameOf) {
    return d3.sort(things, (thing) => this.ranks.get(nameOf(thing)) ?? Infinity);
  }

  get told() {
    return `${counted(this.count)} trial${this.count === 1 ? "" : "s"}`;
  }

  /** Return the place of the trial whose identity begins so, or -1. */
  find(beginning) {
    for (let i = 0; i < this.count; i++) if (this.ids.text(i).startsWith(beginning)) return i;
    return -1;
  }
}

/** Return the axes of several values that most trials have; the others where there are none. */
function tellingOf(axes) {
  const several = axes.filter((column) => column.groups.labels.length > 1);
  const common = several.filter((column) => d3.mean(column.positions, (at) => at !== at) < 0.5);
  return common.length ? common : several.length ? several : axes;
}

/** Return the place of each axis by how much it matters, as far as that was found. */
function ranksOf({ findings }) {
  const importance = findings?.find(({ name }) => name === "importance");
  const names = importance?.figure?.marks.map(({ label }) => label) ?? [];
  return new Map(names.map((name, place) => [name, place]));
}

function infinite(value) {
  return Number.isFinite(value) ? null : value > 0 ? "inf" : "-inf";
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hex(bytes, i) {
  let text = "";
  for (let k = 8 * i; k < 8 * i + 8; k++) text += HEX[bytes[k]];
  return text;
}
