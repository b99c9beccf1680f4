/** The table of the selected trials: only the rows in sight are elements, however many there are. */

import { button, make } from "sweep/dom";
import { csvText, save } from "sweep/download";
import { ENDINGS } from "sweep/endings";
import { endingBadge } from "sweep/badge";
import { counted } from "sweep/text";

const ROW = 27; // pixels
const BEYOND = 8; // rows drawn above and below those in sight
const TALLEST = 8_000_000; // pixels that browsers surely can scroll
const PRINTED = 60;

export class TrialTable {
  #order = new Uint32Array(0);
  #version = -1;
  #key = "";
  #active = 0;

  constructor(place, context) {
    Object.assign(this, context);
    this.head = make("thead");
    this.rows = make("tbody", { onkeydown: (event) => this.#key_(event), onclick: (event) => this.#clicked(event) });
    const table = make("table", { "aria-label": "Selected trials" }, this.head, this.rows);
    this.above = make("div", { "aria-hidden": "true" });
    this.below = make("div", { "aria-hidden": "true" });
    this.scroller = make("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": "Table of trials" }, this.above, table, this.below);
    this.table = table;
    this.told = make("p", { class: "told", role: "status" });
    this.menu = make("div", { class: "controls" });
    place.append(make("div", { class: "tools" }, this.told, this.menu), this.scroller);
    this.scroller.addEventListener("scroll", () => this.#fill());
    this.state.listen((_, isSettled) => isSettled && this.update());
    new ResizeObserver(() => this.isPrinting || this.#fill()).observe(this.scroller);
    addEventListener("beforeprint", () => this.#print());
    addEventListener("afterprint", () => {
      this.isPrinting = false;
      this.#fill();
    });
    this.update();
  }

  get columns() {
    const named = this.state.get("columns")?.split(",").map((name) => this.trials.get(name)).filter(Boolean);
    return [this.trials.ids, ...(named ?? this.#usual())];
  }

  #usual() {
    const told = ["epochs", "final_loss", "validation_loss", "seconds"].map((name) => this.trials.get(name));
    const { axes, settings, telling } = this.trials;
    return [...axes.filter((axis) => telling.includes(axis) || !settings.includes(axis)), ...told.filter((column) => column && column.role !== "axis")];
  }

  get sorting() {
    const text = this.state.get("sort", this.headline?.name ?? "");
    const isDown = text.startsWith("-");
    return { column: this.trials.get(isDown ? text.slice(1) : text), isDown };
  }

  /** Take up what the state says. */
  update() {
    const { column, isDown } = this.sorting;
    const key = [column?.name, isDown, this.columns.map((one) => one.name)].join();
    if (key === this.#key && this.#version === this.selection.version) return;
    this.#key = key;
    this.#version = this.selection.version;
    this.#order = ordered(column, isDown, this.selection, this.trials.count);
    this.#active = 0;
    this.scroller.scrollTop = 0;
    this.#drawHead();
    this.#fill();
    const by = column ? `, ${isDown ? "largest" : "least"} ${column.title} first` : "";
    this.told.textContent = `${counted(this.#order.length)} of ${this.trials.told}${by}`;
    if (!this.menu.contains(document.activeElement)) this.menu.replaceChildren(this.#columnMenu(), button("CSV", () => this.save(), { "aria-label": "CSV of the table" }));
  }

  /** Save the selected trials with every column. */
  save() {
    const columns = this.trials.columns;
    const order = this.#order;
    function* rows() {
      for (const i of order) yield columns.map((column) => column.full(i));
    }
    save("trials.csv", csvText(columns.map((column) => column.name), rows()), "text/csv");
  }

  #columnMenu() {
    const shown = this.columns;
    const boxes = this.trials.drawable.map((column) => {
      const box = make("input", { type: "checkbox", checked: shown.includes(column) });
      box.addEventListener("change", () => {
        const kept = this.trials.drawable.filter((other) => (other === column ? box.checked : shown.includes(other)));
        this.state.set({ columns: kept.map((other) => other.name).join(",") });
      });
      return make("label", { title: column.doc }, box, column.title);
    });
    return make("details", { class: "menu" }, make("summary", {}, "Columns"), make("div", {}, ...boxes));
  }

  #drawHead() {
    const { column: sorted, isDown } = this.sorting;
    const cells = this.columns.map((column) => {
      const next = sorted === column && !isDown ? `-${column.name}` : column.name;
      const mark = sorted === column ? (isDown ? " ↓" : " ↑") : "";
      const sort = button(column.title + mark, () => this.state.set({ sort: next }), { title: column.doc });
      const order = sorted === column ? (isDown ? "descending" : "ascending") : null;
      return make("th", { scope: "col", class: column.isNumber ? "number" : null, "aria-sort": order }, sort);
    });
    this.head.replaceChildren(make("tr", { "aria-rowindex": 1 }, make("th", { scope: "col" }, "ending"), ...cells));
    this.table.setAttribute("aria-rowcount", this.#order.length + 1);
  }

  /** Pixels of all rows, and how many of the table's own one of them scrolls past. */
  get #scale() {
    const full = this.#order.length * ROW;
    return Math.max(1, full / TALLEST);
  }

  #fill(first = null, count = null) {
    const scale = this.#scale;
    const height = this.scroller.clientHeight;
    const top = this.scroller.scrollTop;
    const end = this.#order.length;
    const room = count ?? Math.ceil(height / ROW) + 2 * BEYOND;
    const from = first ?? Math.min(Math.max(0, end - room + 2), Math.max(0, Math.floor((top * scale) / ROW) - BEYOND));
    const to = Math.min(end, from + room);
    const above = first === null ? Math.max(0, (from * ROW) / scale) : 0;
    this.above.style.height = `${above}px`;
    this.below.style.height = first === null ? `${Math.max(0, (end * ROW) / scale - above - (to - from) * ROW)}px` : "0";
    const columns = this.columns;
    const rows = [];
    for (let at = from; at < to; at++) rows.push(this.#row(at, columns));
    const focused = this.rows.contains(document.activeElement);
    this.rows.replaceChildren(...rows);
    if (focused) this.rows.querySelector(`[data-at="${this.#active}"]`)?.focus({ preventScroll: true });
  }

  #row(at, columns) {
    const i = this.#order[at];
    const ending = ENDINGS[this.endings.codes[i]];
    const cells = columns.map((column) => {
      if (column.kind === "id") return make("td", {}, make("a", { href: `#?trial=${column.text(i)}`, class: "id", tabindex: -1 }, column.text(i)));
      return make("td", { class: column.isNumber ? "number" : null }, column.text(i));
    });
    const attributes = { "data-at": at, "aria-rowindex": at + 2, tabindex: at === this.#active ? 0 : -1 };
    return make("tr", attributes, make("td", {}, endingBadge(ending)), ...cells);
  }

  #clicked(event) {
    const row = event.target.closest("tr");
    if (!row || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    this.open(this.#order[Number(row.dataset.at)]);
  }

  #key_(event) {
    const page = Math.floor(this.scroller.clientHeight / ROW) - 2;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") return this.open(this.#order[this.#active]);
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.#active = Math.min(this.#order.length - 1, Math.max(0, this.#active + steps[event.key]));
    const [top, height] = [(this.#active * ROW) / this.#scale, this.scroller.clientHeight];
    const seen = this.scroller.scrollTop;
    if (top < seen + ROW) this.scroller.scrollTop = top - ROW;
    if (top > seen + height - 2 * ROW) this.scroller.scrollTop = top - height + 2 * ROW;
    this.#fill();
    this.rows.querySelector(`[data-at="${this.#active}"]`)?.focus({ preventScroll: true });
  }

  #print() {
    this.isPrinting = true;
    this.#fill(0, PRINTED);
    if (this.#order.length > PRINTED) this.told.textContent += `; the first ${PRINTED} are printed`;
  }
}

/** Return places of the selected trials in the order of a column, those without a value last. */
function ordered(column, isDown, selection, count) {
  const order = new Uint32Array(selection.count);
  let at = 0;
  const put = (i) => {
    if (selection.mask[i]) order[at++] = i;
  };
  if (!column) {
    for (let i = 0; i < count; i++) put(i);
    return order;
  }
  const all = column.order;
  if (!isDown) {
    for (let k = 0; k < count; k++) put(all[k]);
    return order;
  }
  const numbers = column.kind === "id" ? null : column.numbers;
  let known = count;
  while (numbers && known > 0 && numbers[all[known - 1]] !== numbers[all[known - 1]]) known--;
  for (let k = known - 1; k >= 0; k--) put(all[k]);
  for (let k = known; k < count; k++) put(all[k]);
  return order;
}
