/** The bar that says what is selected: the condition, a mark for each filter, and how many remain. */

import { button, draw, make } from "sweep/dom";
import { FILTER, tellFilter } from "sweep/selection";
import { counted, percent } from "sweep/text";

const WAIT = 250; // milliseconds after a letter

export class Bar {
  constructor(place, { trials, state, selection }) {
    Object.assign(this, { trials, state, selection });
    this.count = make("output", { class: "count", for: "where" });
    this.marks = make("span", { class: "marks" });
    this.share = draw("rect", { height: 4, width: 100, class: "share" });
    const meter = draw("svg", { class: "meter", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" }, this.share);
    this.field = make("input", {
      id: "where",
      type: "text",
      spellcheck: "false",
      autocomplete: "off",
      autocapitalize: "off",
      placeholder: this.#example(),
      "aria-describedby": "where-fault",
      oninput: () => this.#typed(),
      onchange: () => this.#enter(),
    });
    this.fault = make("p", { id: "where-fault", class: "fault", role: "alert" });
    const names = make("datalist");
    const label = make("label", { for: "where" }, "where");
    this.clear = button("Clear all", () => this.#clear());
    place.append(make("div", { class: "line" }, label, this.field, names, this.count, this.clear), this.marks, this.fault, meter);
    this.update();
  }

  /** Say what is selected now. */
  update() {
    const { state, selection, trials } = this;
    const all = trials.count;
    this.count.textContent = selection.isAll
      ? `all ${trials.told}`
      : `${counted(selection.count)} of ${trials.told}, ${percent(selection.count / all)}`;
    this.share.setAttribute("width", all ? (100 * selection.count) / all : 0);
    if (document.activeElement !== this.field) this.field.value = state.get("where", "");
    this.fault.textContent = selection.fault ?? "";
    this.field.setAttribute("aria-invalid", String(selection.fault !== null));
    this.clear.disabled = !state.get("where") && !selection.columns.length;
    this.#drawMarks();
  }

  #drawMarks() {
    const marks = this.selection.columns.map((column) => {
      const name = FILTER + column.name;
      const told = `${column.title}: ${tellFilter(column, this.state.get(name))}`;
      return button(`${told} ×`, () => this.state.set({ [name]: null }), { class: "mark", "aria-label": `Clear ${told}` });
    });
    if (marks.length || this.marks.childElementCount) this.marks.replaceChildren(...marks);
  }

  #example() {
    const axis = this.trials.axes.find((column) => !column.isNumber && column.levels.length > 1);
    return axis ? `${axis.name} = '${axis.levels[0]}' and epochs < 1000` : "final_loss < 1e-3";
  }

  #typed() {
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.#enter(), WAIT);
  }

  #enter() {
    clearTimeout(this.wait);
    this.state.set({ where: this.field.value.trim() || null });
  }

  #clear() {
    this.field.value = "";
    const filters = this.selection.columns.map((column) => [FILTER + column.name, null]);
    this.state.set({ where: null, ...Object.fromEntries(filters) });
  }
}
