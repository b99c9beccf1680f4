/**
 * A brush along an axis: drag to select a range, drag the range to move it, press on the axis to
 * clear it; or move its two ends by the keyboard. What it selects is a filter of the axis's column.
 */

import { draw } from "sweep/dom";
import { FILTER, spanOf, writeFilter } from "sweep/selection";

const GRIP = 6;
const FINE = 50; // steps along an axis of many values
const CLICK = 3;

/**
 * Add a brush to a figure; it follows the state until its group leaves the page.
 * @param {SVGGElement} group where it is drawn
 * @param {{axis: Axis, isLevel: boolean, cross: number, thickness: number, state: State, theme: Object}} how
 * @returns {function(): void} draws it anew
 */
export function addBrush(group, { axis, isLevel, cross, thickness, state, theme }) {
  const { column } = axis;
  const name = FILTER + column.name;
  const box = (from, to, attributes) => {
    const [start, length] = [Math.min(from, to), Math.abs(to - from)];
    return isLevel
      ? { x: start, width: length, y: cross, height: thickness, ...attributes }
      : { y: start, height: length, x: cross, width: thickness, ...attributes };
  };
  const span = () => {
    const text = state.get(name);
    return text === null ? null : spanOf(column, text);
  };
  const set = (from, to, isSettled) =>
    state.set({ [name]: writeFilter(column, Math.max(0, Math.min(from, to)), Math.min(1, Math.max(from, to))) }, isSettled);

  const field = draw("rect", box(axis.from, axis.to, { fill: "transparent", class: isLevel ? "field level" : "field" }));
  const band = draw("rect", { class: "band", fill: theme.accent, "fill-opacity": 0.14, stroke: theme.accent });
  const ends = ["least", "largest"].map((word, end) => endOf(word, end, { column, span, set, state, name, theme }));
  group.append(field, band, ...ends.map((end) => end.element));

  let drawn;
  const update = () => {
    const text = state.get(name);
    if (text === drawn) return;
    drawn = text;
    const at = span();
    const [low, high] = at ?? [0, 1];
    const shape = box(axis.at(low), axis.at(high), { visibility: at ? "visible" : "hidden" });
    for (const [key, value] of Object.entries(shape)) band.setAttribute(key, value);
    ends.forEach((end, k) => end.update(axis.at(k ? high : low), k ? high : low, at !== null, isLevel, cross, thickness));
  };
  followPointer(group, axis, isLevel, { span, set, clear: () => state.set({ [name]: null }) });
  update();
  return update;
}

function followPointer(group, axis, isLevel, { span, set, clear }) {
  const placeOf = (event) => {
    const bounds = group.ownerSVGElement.getBoundingClientRect();
    return isLevel ? event.clientX - bounds.left : event.clientY - bounds.top;
  };
  group.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const start = placeOf(event);
    const move = movement(start, axis, span());
    let isDragged = false;
    const drag = (moved) => {
      isDragged ||= Math.abs(placeOf(moved) - start) >= CLICK;
      if (isDragged) set(...move(placeOf(moved)), false);
    };
    group.setPointerCapture(event.pointerId);
    group.addEventListener("pointermove", drag);
    group.addEventListener(
      "lostpointercapture",
      (ended) => {
        group.removeEventListener("pointermove", drag);
        if (isDragged) set(...move(placeOf(ended)), true);
        else clear();
      },
      { once: true },
    );
  });
}

/** Return what a drag from `start` makes of the range: a new one, the old one moved, or an end of it. */
function movement(start, axis, at) {
  const place = (pixel) => axis.positionAt(pixel);
  if (at === null) return (pixel) => [place(start), place(pixel)];
  const [low, high] = at;
  const near = (position) => Math.abs(axis.at(position) - start) <= GRIP;
  if (near(high)) return (pixel) => [low, place(pixel)];
  if (near(low)) return (pixel) => [place(pixel), high];
  const grip = place(start);
  if (grip < low || grip > high) return (pixel) => [grip, place(pixel)];
  return (pixel) => {
    const shift = Math.min(1 - high, Math.max(-low, place(pixel) - grip));
    return [low + shift, high + shift];
  };
}

function endOf(word, end, { column, span, set, state, name, theme }) {
  const element = draw("rect", {
    class: "end",
    role: "slider",
    tabindex: 0,
    fill: theme.accent,
    "aria-label": `${word} ${column.title} selected`,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
  });
  element.addEventListener("keydown", (event) => {
    const [low, high] = span() ?? [0, 1];
    if (event.key === "Escape" || event.key === "Delete") {
      state.set({ [name]: null });
    } else {
      const moved = afterKey(event, column, end ? high : low, end);
      if (moved === null) return;
      if (end) set(low, Math.max(low, moved), true);
      else set(Math.min(high, moved), high, true);
    }
    event.preventDefault();
  });
  const update = (at, position, isSet, isLevel, cross, thickness) => {
    const shape = isLevel
      ? { x: at - 2, width: 4, y: cross, height: thickness }
      : { y: at - 2, height: 4, x: cross, width: thickness };
    const told = column.isNumber ? column.told(column.numberAt(position)) : levelAt(column, position, end);
    const said = { "aria-valuenow": Math.round(100 * position), "aria-valuetext": told, "data-set": isSet };
    for (const [key, value] of Object.entries({ ...shape, ...said })) element.setAttribute(key, value);
  };
  return { element, update };
}

function levelAt(column, position, end) {
  const place = Math.round(column.numberAt(position) + (end ? -0.5 : 0.5));
  return column.levels[Math.min(column.levels.length - 1, Math.max(0, place))] ?? "";
}

/** Return where a key takes an end of a range, or null for a key that is none of a slider's. */
function afterKey(event, column, position, end) {
  const direction = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
  if (event.key === "Home") return 0;
  if (event.key === "End") return 1;
  const page = { PageUp: 0.1, PageDown: -0.1 }[event.key];
  if (page) return Math.min(1, Math.max(0, position + page));
  if (!direction) return null;
  return nextStop(column, position, direction, end);
}

function nextStop(column, position, direction, end) {
  const stops = stopsOf(column, end);
  if (stops === null) return Math.min(1, Math.max(0, position + direction / FINE));
  const further = stops.filter((stop) => (stop - position) * direction > 1e-6);
  return (direction > 0 ? further[0] : further.at(-1)) ?? (direction > 0 ? 1 : 0);
}

/** Return the positions at which an end can stop: the values where they are few. */
function stopsOf(column, end) {
  if (!column.isNumber) {
    const count = column.levels.length;
    return column.levels.map((_, place) => (place + (end ? 1 : 0)) / count);
  }
  const { numbers, isBinned } = column.groups;
  return isBinned ? null : numbers.map(([number]) => column.positionOf(number));
}
