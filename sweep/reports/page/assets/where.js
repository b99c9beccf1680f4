/** Finds the trials for which a condition holds. Nothing of it is ever handed to the browser to run. */

import { digits } from "sweep/text";
import { readCondition, Refused } from "sweep/where_syntax";

const NUMBERS = new Set(["integer", "float"]);

/**
 * Return for each trial whether a condition holds, 1 or 0.
 * @param {string} text such as `activation = 'relu' and final_loss < 1e-3`
 * @param {Trials} trials
 * @throws {Refused} a condition that cannot be read, or names no column
 */
export function holds(text, trials) {
  const tree = compiled(readCondition(text), trials);
  needs("truth", tree);
  const found = new Uint8Array(trials.count);
  for (let i = 0; i < trials.count; i++) found[i] = tree.value(i) === true ? 1 : 0;
  return found;
}

/**
 * Return a tree as its type, its value of each trial (null where it is missing), and whether it is
 * made of a column of floats: such numbers are equal if they are shown alike.
 */
function compiled(node, trials) {
  if (node.kind === "literal") return { type: node.type, value: () => node.value, isRounded: false };
  if (node.kind === "column") return columnOf(node, trials);
  const operands = node.operands.map((operand) => compiled(operand, trials));
  if (node.kind === "and" || node.kind === "or") return junction(node.kind, operands);
  if (node.kind === "not") return negation(node, operands[0]);
  if (node.kind === "is null") return truth((i) => operands[0].value(i) === null);
  if (node.kind === "in") return membership(operands);
  if (node.kind === "like") return likeness(operands[0], node.pattern);
  return node.kind in COMPARE ? comparison(node.kind, ...operands) : arithmetic(node.kind, operands);
}

const truth = (value) => ({ type: "truth", value, isRounded: false });

function columnOf({ name, isQuoted }, trials) {
  const folded = name.toLowerCase();
  const column = trials.get(name) ?? trials.columns.find((one) => one.name.toLowerCase() === folded);
  if (!column) throw new Refused(unknown(name, isQuoted, trials));
  if (column.kind === "number") {
    const { values, none } = column;
    const type = none === undefined ? "float" : "integer";
    const value = (i) => (values[i] === none || values[i] !== values[i] ? null : values[i]);
    return { type, value, isRounded: type === "float", isColumn: true };
  }
  if (column.kind === "id") return { type: "text", value: (i) => column.text(i), isRounded: false };
  const isTruth = column.isTruth ?? column.levels.every((level) => level === "true" || level === "false");
  const levels = isTruth ? column.levels.map((level) => level === "true") : column.levels;
  return { type: isTruth ? "truth" : "text", value: (i) => levels[column.values[i]] ?? null, isRounded: false };
}

function unknown(name, isQuoted, trials) {
  const near = d3.least(trials.columns, (column) => distance(column.name, name));
  const hint = near && distance(near.name, name) <= 2 + name.length / 4 ? `; did you mean ${near.name}?` : "";
  const text = isQuoted ? `; a text stands in single quotes: '${name}'` : "";
  return `There is no column ${name}${hint}${text}`;
}

/** Return how many letters must change to make one word of another. */
function distance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++) {
      next[k] = Math.min(row[k] + 1, next[k - 1] + 1, row[k - 1] + (a[i - 1] === b[k - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}

function needs(type, ...operands) {
  for (const operand of operands) {
    const isFit = type === "number" ? NUMBERS.has(operand.type) : operand.type === type;
    if (!isFit) throw new Refused(type === "truth" ? "A condition must be true or false of each trial" : `A ${operand.type} is no ${type}`);
  }
}

/** Join truths by SQL's three values: missing is neither true nor false. */
function junction(kind, operands) {
  needs("truth", ...operands);
  const [left, right] = operands.map((operand) => operand.value);
  const decides = kind === "or";
  return truth((i) => {
    const [a, b] = [left(i), right(i)];
    if (a === decides || b === decides) return decides;
    return a === null || b === null ? null : !decides;
  });
}

function negation({ isEven }, operand) {
  needs("truth", operand);
  if (isEven) return operand;
  return truth((i) => {
    const value = operand.value(i);
    return value === null ? null : !value;
  });
}

const COMPARE = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function comparison(kind, left, right) {
  const isNumeric = NUMBERS.has(left.type) && NUMBERS.has(right.type);
  if (!isNumeric && left.type !== right.type) throw new Refused(`A ${left.type} and a ${right.type} cannot be compared`);
  if (left.type === "truth" && kind !== "=" && kind !== "!=") throw new Refused("Truth values are equal or not, none is less");
  const compare = COMPARE[kind];
  const isRounded = left.isRounded || right.isRounded;
  return truth((i) => {
    const [a, b] = [left.value(i), right.value(i)];
    if (a === null || b === null) return null;
    if (a === b || (isRounded && shown(a, left) === shown(b, right))) return compare(0);
    return compare(a < b ? -1 : 1);
  });
}

/** Return a number as it is shown, if it is of a column of floats. */
function shown(value, { isRounded }) {
  return isRounded && Number.isFinite(value) ? Number(digits(value)) : value;
}

function membership([left, ...items]) {
  const tests = items.map((item) => comparison("=", left, item).value);
  return truth((i) => (left.value(i) === null ? null : tests.some((test) => test(i))));
}

function likeness(operand, pattern) {
  needs("text", operand);
  const parts = { "%": ".*", _: "." };
  const plain = [...pattern].map((letter) => parts[letter] ?? letter.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const expression = new RegExp(`^${plain.join("")}$`, "su");
  return truth((i) => {
    const value = operand.value(i);
    return value === null ? null : expression.test(value);
  });
}

const CALCULATE = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => (b === 0 ? null : a / b),
  "%": (a, b) => (b === 0 ? null : a % b),
  negative: (a) => -a,
  positive: (a) => a,
};

function arithmetic(kind, operands) {
  needs("number", ...operands);
  const [left, right] = operands;
  const calculate = CALCULATE[kind];
  const isFloat = kind === "/" || operands.some((operand) => operand.type === "float");
  const value = right
    ? (i) => {
        const [a, b] = [left.value(i), right.value(i)];
        return a === null || b === null ? null : defined(calculate(a, b));
      }
    : (i) => {
        const a = left.value(i);
        return a === null ? null : calculate(a);
      };
  // An integer column divided is a float made of a column; literals alone are not.
  const isOfColumn = operands.some((operand) => operand.isRounded || operand.isColumn);
  return { type: isFloat ? "float" : "integer", value, isRounded: isFloat && isOfColumn, isColumn: isOfColumn };
}

function defined(value) {
  return value !== value ? null : value;
}
