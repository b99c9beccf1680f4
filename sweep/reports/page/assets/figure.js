/**
 * Figures on the page: each with a title, controls, a caption that says of which trials it is, and
 * its SVG and CSV. They are drawn when they come into sight and when what they show has changed.
 */

import { button, make } from "sweep/dom";
import { csvText, save, svgText } from "sweep/download";
import { colours } from "sweep/theme";

const SETTLED = 120; // milliseconds without a change
const FILE_WIDTH = 860;
const PRINT_WIDTH = 680;

/**
 * @typedef {Object} View what a figure shows
 * @property {string} name of the figure, in addresses and file names
 * @property {string} title
 * @property {boolean} isQuick whether it follows a brush while that moves
 * @property {boolean} [isOfAll] whether the selection leaves it as it is
 * @property {function(): Node[]} [controls]
 * @property {function(HTMLElement, {width: number, theme: Object, isFile: boolean}): void} draw
 * @property {function(): string} caption
 * @property {string} [hint] what can be done with it on the page
 * @property {function(): {header: string[], rows: Iterable<Array>}} table
 */

export class Figures {
  isBegun = false;
  isPrinting = false;
  #all = [];
  #frame = 0;
  #rest = 0;
  #isAhead = false; // whether a figure out of sight is about to be drawn

  constructor(state) {
    this.theme = colours();
    state.listen((changed, isSettled) => this.#changed(changed, isSettled));
    new ResizeObserver(() => this.#resized()).observe(document.body);
    this.sight = new IntersectionObserver((seen) => this.#seen(seen), { rootMargin: "300px" });
    addEventListener("beforeprint", () => this.#print());
    addEventListener("afterprint", () => {
      this.isPrinting = false;
      this.refresh();
    });
  }

  /** Add a figure to a place of the page. */
  add(place, view) {
    this.#all = this.#all.filter((figure) => figure.element.isConnected);
    const figure = new Figure(view, this);
    this.#all.push(figure);
    place.append(figure.element);
    this.sight.observe(figure.element);
    this.#drawAhead();
    return figure;
  }

  /** Draw a figure at once, before there are others. */
  begin(figure) {
    if (figure.measure() > 0) figure.draw(this.theme);
  }

  /** Draw everything anew, in the colours of now. */
  refresh() {
    this.theme = colours();
    for (const figure of this.#all) figure.spoil();
    this.#drawSoon();
  }

  /** Draw figures anew, as they have more to show. */
  spoil(...names) {
    for (const figure of this.#all) if (names.includes(figure.view.name)) figure.isStale = true;
    this.#drawSoon();
  }

  #changed(changed, isSettled) {
    const isSelection = [...changed].some((name) => name === "where" || name.startsWith("f."));
    for (const figure of this.#all) if (!isSelection || !figure.view.isOfAll) figure.isStale = true;
    this.#drawSoon();
  }

  #resized() {
    if (this.isPrinting) return;
    for (const figure of this.#all) if (figure.measure() > 0 && figure.width !== figure.drawnWidth) figure.spoil();
    this.#drawSoon();
  }

  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const figure = this.#all.find((one) => one.element === target);
      if (!figure) continue;
      figure.isSeen = isIntersecting;
      if (isIntersecting) figure.measure();
    }
    this.#drawSoon();
  }

  /** Draw what is out of sight, a figure at a time when there is nothing else to do: then nothing moves on scrolling. */
  #drawAhead() {
    if (this.#isAhead) return;
    this.#isAhead = true;
    const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
    idle(() => {
      this.#isAhead = false;
      const next = this.#all.find((figure) => !figure.isDrawn && figure.measure() > 0);
      next?.draw(this.theme);
      if (next) this.#drawAhead();
    });
  }

  #drawSoon() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#draw(() => true, true), SETTLED);
    if (!this.#frame) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#draw((figure) => figure.view.isQuick || !figure.isDrawn, false);
      });
    }
  }

  #draw(isDue, isSettled) {
    for (const figure of this.#all) {
      if (!figure.isSeen || figure.width <= 0) continue; // none, while a trial has the page
      if (figure.isStale && isDue(figure)) figure.draw(this.theme);
      if (isSettled) figure.drawControls();
    }
  }

  #print() {
    this.isPrinting = true;
    this.theme = colours(true);
    for (const figure of this.#all) {
      figure.spoil();
      figure.draw(this.theme, PRINT_WIDTH);
    }
  }
}

class Figure {
  isStale = true;
  isSeen = false;
  isDrawn = false;
  width = 0;

  constructor(view, figures) {
    this.view = view;
    this.body = make("div", { class: "body" });
    this.caption = make("figcaption");
    const title = make("h3", { id: `figure-${view.name}` }, view.title);
    const files = make(
      "span",
      { class: "files" },
      button("SVG", () => this.saveSvg(), { title: "Download the figure", "aria-label": `SVG of ${view.title}` }),
      button("CSV", () => this.saveCsv(), { title: "Download its data", "aria-label": `CSV of ${view.title}` }),
    );
    this.controls = make("div", { class: "controls" });
    const head = make("header", {}, title, files, this.controls);
    this.element = make("figure", { class: `figure ${view.name}`, "aria-labelledby": title.id }, head, this.body, this.caption);
    this.figures = figures;
  }

  /** Take up how wide the figure can be: 0 while it is hidden. Asked for rarely, as it costs a layout. */
  measure() {
    this.width = Math.floor(this.body.clientWidth);
    return this.width;
  }

  /** Forget what is drawn, as it no longer fits. */
  spoil() {
    this.body.replaceChildren();
    this.isStale = true;
  }

  draw(theme, width = this.width) {
    if (!this.isDrawn) this.drawControls();
    this.view.draw(this.body, { width, theme, isFile: false });
    this.caption.replaceChildren(this.view.caption(), ...(this.view.hint ? [" ", make("span", { class: "hint" }, this.view.hint)] : []));
    if (!this.figures.isBegun) performance.mark("sweep-picture");
    this.figures.isBegun = true;
    this.drawnWidth = width;
    this.isStale = false;
    this.isDrawn = true;
  }

  drawControls() {
    if (!this.view.controls || this.controls.contains(document.activeElement)) return;
    this.controls.replaceChildren(...this.view.controls());
  }

  /** Save the figure as it is drawn on a light page. */
  saveSvg() {
    const theme = colours(true);
    const body = make("div");
    this.view.draw(body, { width: FILE_WIDTH, theme, isFile: true });
    const text = svgText(body, this.view.title, this.view.caption(), theme);
    save(`${this.view.name}.svg`, text, "image/svg+xml");
  }

  saveCsv() {
    const { header, rows } = this.view.table();
    save(`${this.view.name}.csv`, csvText(header, rows), "text/csv");
  }
}

/** Return a part of a figure: layers upon each other, canvases and pictures, of one size. */
export function block(width, height, ...layers) {
  const style = `width:${width}px;height:${height}px`;
  return make("div", { class: "block", style, "data-block": "", "data-width": width, "data-height": height }, ...layers);
}
