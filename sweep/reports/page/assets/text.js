/** Writes numbers and counts for people, to the digits that the tables of sweep show. */

export const DIGITS = 6;
export const MISSING = "-";

/** Write a number as Python's `%.6g` does; a dash where it is missing or not finite. */
export function digits(value, count = DIGITS) {
  if (!Number.isFinite(value)) return MISSING;
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(count - 1).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < count) return trimmed(value.toFixed(count - 1 - exponent));
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${trimmed(mantissa)}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** Write a number where there is little room, such as at a tick: 0.001, 1e-5, 20k. */
export function short(value) {
  if (!Number.isFinite(value)) return MISSING;
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return trimmedPower(value.toExponential(2));
  if (size >= 1e4) return `${trimmed((value / 1e3).toFixed(1))}k`;
  return digits(value, size >= 1e3 ? 4 : 3);
}

/** Write a whole number with its thousands apart. */
export function counted(value) {
  return value.toLocaleString("en-GB");
}

/** Write a share of one as a percentage. */
export function percent(share) {
  if (!Number.isFinite(share)) return MISSING;
  const value = share * 100;
  return `${value === 0 || value >= 99.95 || value >= 10 ? value.toFixed(0) : value.toFixed(1)}%`;
}

/** Shorten text to so many letters; the rest can be read in its title. */
export function clipped(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Shorten text to so many letters in its middle, as what tells levels apart is often at their ends. */
export function squeezed(text, most) {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - tail)}…${tail ? text.slice(-tail) : ""}`;
}

/** Return a field of a CSV file (RFC 4180). */
export function csvField(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function trimmed(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function trimmedPower(text) {
  const [mantissa, power] = text.split("e");
  return `${trimmed(mantissa)}e${power.replace("+", "")}`;
}
