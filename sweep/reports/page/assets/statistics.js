/** Orders numbers, and finds medians and quantiles of groups of trials, without a copy a group. */

const DIGIT = 16; // bits that a pass sorts by
const BUCKETS = 1 << DIGIT;

/** Return places of the numbers from least to largest, equal ones in turn, NaN last. */
export function sortedPlaces(numbers) {
  const count = numbers.length;
  const keys = keysOf(numbers);
  let [from, to] = [new Uint32Array(count), new Uint32Array(count)];
  for (let i = 0; i < count; i++) from[i] = i;
  const starts = new Uint32Array(BUCKETS + 1);
  for (let digit = 0; digit < 4; digit++) {
    starts.fill(0);
    for (let i = 0; i < count; i++) starts[keys[4 * i + digit] + 1]++;
    if (count === 0 || starts[keys[digit] + 1] === count) continue;
    for (let b = 0; b < BUCKETS; b++) starts[b + 1] += starts[b];
    for (let k = 0; k < count; k++) to[starts[keys[4 * from[k] + digit]]++] = from[k];
    [from, to] = [to, from];
  }
  return from;
}

/** Return each number as four whole ones, least significant first, that order as the numbers do. */
function keysOf(numbers) {
  const copy = Float64Array.from(numbers, (number) => (number === 0 ? 0 : number)); // one zero, not two
  const words = new Uint32Array(copy.buffer);
  for (let i = 0; i < copy.length; i++) {
    const high = words[2 * i + 1];
    if (copy[i] !== copy[i]) words[2 * i] = words[2 * i + 1] = 0xffffffff;
    else if (high & 0x80000000) {
      words[2 * i] = ~words[2 * i];
      words[2 * i + 1] = ~high;
    } else words[2 * i + 1] = high | 0x80000000;
  }
  return new Uint16Array(copy.buffer);
}

/**
 * Return quantiles of a column for each group of trials.
 * @param {Column} column
 * @param {{codes: ArrayLike<number>, count: number}} groups the group of each trial; others count nowhere
 * @param {function(number): boolean} counts whether a trial does
 * @param {number[]} shares ascending, 0.5 for the median
 * @returns {{n: Uint32Array, values: Float64Array[]}} trials a group, and values by share and group
 */
export function quantiles(column, { codes, count }, counts, shares) {
  const { numbers, order } = column;
  const n = new Uint32Array(count);
  for (let i = 0; i < numbers.length; i++) {
    if (codes[i] < count && numbers[i] === numbers[i] && counts(i)) n[codes[i]]++;
  }
  const values = shares.map(() => new Float64Array(count).fill(NaN));
  const ranks = new Uint32Array(count);
  const before = new Float64Array(count);
  for (const i of order) {
    const group = codes[i];
    if (!(group < count) || numbers[i] !== numbers[i] || !counts(i)) continue;
    const rank = ranks[group]++;
    for (let k = 0; k < shares.length; k++) {
      const place = (n[group] - 1) * shares[k];
      if (rank === Math.ceil(place)) {
        const part = place - Math.floor(place);
        values[k][group] = part ? before[group] * (1 - part) + numbers[i] * part : numbers[i];
      }
    }
    before[group] = numbers[i];
  }
  return { n, values };
}

/** Return how many trials each group has that count. */
export function sizes({ codes, count }, counts) {
  const n = new Uint32Array(count);
  for (let i = 0; i < codes.length; i++) if (codes[i] < count && counts(i)) n[codes[i]]++;
  return n;
}

const CROSSED = 0.8; // share of the cells of two axes that hold trials, where they vary apart

/**
 * Return which two columns make a table without many gaps, across and up: the first such pair, else
 * the one with the fewest gaps. Where one follows from the other, nearly all of a table is empty.
 */
export function crossedPair(columns) {
  if (columns.length < 2) return [columns[0], columns[0]];
  const pairs = columns.flatMap((second, k) => columns.slice(0, k).map((first) => [second, first]));
  let best = null;
  for (const pair of pairs) {
    const share = filledShare(...pair);
    if (!best || share > best.share) best = { pair, share };
    if (share >= CROSSED) break;
  }
  const [x, y] = best.pair;
  return y.isNumber && !x.isNumber ? [y, x] : [x, y];
}

/** Return the share of the cells of two columns that hold trials. */
function filledShare({ groups: across }, { groups: up }) {
  const [columns, rows] = [across.labels.length, up.labels.length];
  const isFilled = new Uint8Array(columns * rows);
  let filled = 0;
  for (let i = 0; i < across.codes.length; i++) {
    const [column, row] = [across.codes[i], up.codes[i]];
    if (column >= columns || row >= rows || isFilled[row * columns + column]) continue;
    isFilled[row * columns + column] = 1;
    filled++;
  }
  return filled / isFilled.length;
}
