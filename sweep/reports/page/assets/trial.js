/** The page of one trial, in place of the others while the address names it. */

import { endingBadge } from "sweep/badge";
import { button, copyButton, make } from "sweep/dom";
import { ENDINGS } from "sweep/endings";
import { legend } from "sweep/legend";
import { codesPicture, imagesPicture } from "sweep/pictures";
import { plotted, scaleOf } from "sweep/plotting";
import { block } from "sweep/figure";
import { MISSING } from "sweep/text";

export class TrialPage {
  constructor(place, context) {
    Object.assign(this, context);
    this.place = place;
    this.context = context;
    this.state.listen(() => this.update());
    this.update();
  }

  /** Show the trial that the state names, or what is otherwise on the page. */
  update() {
    const id = this.state.get("trial");
    if (id === this.shown) return;
    const before = this.shown;
    this.shown = id;
    for (const part of document.querySelector("main").children) this.#hide(part, id !== null);
    if (id === null) {
      this.place.replaceChildren();
      if (before) scrollTo(0, this.left ?? 0);
      return;
    }
    if (!before) this.left = scrollY;
    this.#draw(this.trials.find(id), id);
    scrollTo(0, 0);
    this.place.querySelector("h2").focus();
  }

  #hide(part, isTrial) {
    if (part.id === "views") {
      for (const section of part.children) section.hidden = isTrial !== (section === this.place);
    } else part.hidden = isTrial;
  }

  #draw(i, id) {
    const back = button("← All trials", () => this.state.set({ trial: null }), { class: "back" });
    if (i < 0) {
      this.place.replaceChildren(back, make("h2", { tabindex: -1 }, "No such trial"), make("p", {}, `No trial of this page is named ${id}.`));
      return;
    }
    const title = make("h2", { tabindex: -1 }, "Trial ", make("code", {}, id));
    const ending = make("p", {}, endingBadge(ENDINGS[this.endings.codes[i]]), ` (${ENDINGS[this.endings.codes[i]].doc})`);
    const error = this.trials.get("error")?.full(i);
    const fault = error ? make("pre", { class: "error" }, error) : null;
    const figures = make("div", { class: "figures" });
    this.place.replaceChildren(
      ...[back, title, ending, fault].filter(Boolean),
      make("div", { class: "facts" }, this.#facts("What varies", this.trials.axes, i), this.#facts("What came out", this.trials.outcomes, i), this.#facts("How it ran", this.trials.columns.filter((column) => column.role === "record" && column.name !== "error"), i)),
      figures,
      ...this.#commands(id),
      ...this.#fixed(),
    );
    this.#addFigures(figures, i, id);
  }

  #facts(title, columns, i) {
    const known = columns.filter((column) => column.text(i) !== MISSING);
    if (!known.length) return "";
    const rows = known.map((column) => make("tr", { title: column.doc }, make("th", { scope: "row" }, column.title), make("td", {}, column.text(i))));
    return make("div", {}, make("h3", {}, title), make("table", { class: "fact" }, make("tbody", {}, ...rows)));
  }

  #commands(id) {
    const told = { show: "All that is known of it", train: "Train it again, and compare", codes: "Its codes", load: "Its network, in Python" };
    const commands = Object.entries(this.manifest.commands ?? {}).map(([name, text]) => {
      return make("div", {}, make("h4", {}, told[name] ?? name), line(text.replace("TRIAL", id)));
    });
    return commands.length ? [make("h3", {}, "Go on with it"), ...commands] : [];
  }

  #fixed() {
    const known = Object.entries(this.manifest.fixed ?? {});
    if (!known.length) return [];
    const rows = known.map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, String(value))));
    return [make("h3", {}, "The same in all trials"), make("div", { class: "wide-facts" }, ...columnsOf(rows))];
  }

  async #addFigures(place, i, id) {
    const details = await this.context.details.of(id);
    if (this.shown !== id) return;
    if (details?.traceback) place.before(make("details", {}, make("summary", {}, "Traceback"), make("pre", { tabindex: 0 }, details.traceback)));
    const views = [this.#curve(i, id), codesView(details, id), gradientsView(details, id), imagesView(details, id)];
    for (const view of views) if (view) this.figures.add(place, view);
  }

  #curve(i, id) {
    const { traces, trials } = this;
    if (!traces.isThere) return null;
    const quantities = () => traces.told.quantities.map(({ name, title }) => ({ title, points: withEnd(traces.lines(name, [i])[0]?.points ?? [], ENDS[name], trials, i) }));
    return {
      name: "trial_curve",
      title: "Its training curve",
      isOfAll: true,
      draw(body, { width, theme }) {
        const known = quantities().filter(({ points }) => points.length);
        if (!known.length) return body.replaceChildren(make("p", {}, "No losses are recorded."));
        const items = known.map(({ title }, k) => ({ word: title, isLine: true, colour: theme.categories[k], dash: k ? "6 3" : null }));
        const all = known.flatMap(({ points }) => points);
        const marks = known.map(({ points }, k) => Plot.line(points, { x: "x", y: "y", stroke: items[k].colour, strokeWidth: 2, strokeDasharray: items[k].dash }));
        const x = scaleOf(all.map((point) => point.x), "epochs", theme);
        const y = scaleOf(all.map((point) => point.y), "loss", theme, { grid: true });
        body.replaceChildren(legend(items, width, theme), plotted({ width, height: 280, theme, label: `Losses of trial ${id}`, marginLeft: 52, x, y, marks }));
      },
      caption: () => `Losses at some epochs, to the digits of a picture; it ended after ${trials.get("epochs")?.text(i) ?? MISSING} epochs.`,
      table: () => ({ header: ["quantity", "epoch", "value"], rows: quantities().flatMap(({ title, points }) => points.map(({ x, y }) => [title, x, y])) }),
    };
  }
}

/** The column that has the last value of a curve. */
const ENDS = { loss: "final_loss", validation_loss: "validation_loss" };

/** Return a curve with its true end, which lies between the epochs that all trials share. */
function withEnd(points, name, trials, i) {
  const end = { x: trials.get("epochs")?.numbers[i], y: trials.get(name)?.numbers[i] };
  const isFurther = points.length && end.x > points.at(-1).x && Number.isFinite(end.y);
  return isFurther ? [...points, end] : points;
}

function codesView(details, id) {
  const layers = details?.codes;
  if (!layers?.length) return null;
  return {
    name: "trial_codes",
    title: "Its codes",
    isOfAll: true,
    draw: (body, { theme }) => body.replaceChildren(blockOf(codesPicture(layers, theme))),
    caption: () => `What hidden layers of trial ${id} make of the first samples: a row a sample, a column a unit, the fuller the larger, from 0 to 1 unless they go beyond.`,
    table: () => ({ header: ["layer", "sample", "unit", "activation"], rows: layers.flatMap(({ layer, units, values }) => values.map((value, k) => [layer + 1, Math.floor(k / units) + 1, (k % units) + 1, value])) }),
  };
}

function gradientsView(details, id) {
  const found = details?.gradients;
  if (!found) return null;
  const rows = found.layers.flatMap((layer, row) => found.epochs.map((epoch, k) => ({ layer, epoch, value: found.norm[row][k] }))).filter((row) => row.value > 0 && row.epoch > 0);
  return {
    name: "trial_gradients",
    title: "Its gradients by layer",
    isOfAll: true,
    draw(body, { width, theme }) {
      const colour = (layer) => theme.ramp(0.25 + (0.75 * found.layers.indexOf(layer)) / Math.max(1, found.layers.length - 1));
      const items = found.layers.map((layer) => ({ word: `layer ${layer + 1}`, isLine: true, colour: colour(layer) }));
      const x = scaleOf(rows.map((row) => row.epoch), "epochs", theme);
      const y = scaleOf(rows.map((row) => row.value), "gradient norm", theme, { grid: true });
      const marks = [Plot.line(rows, { x: "epoch", y: "value", z: "layer", stroke: (row) => colour(row.layer), strokeWidth: 1.6 })];
      body.replaceChildren(legend(items, width, theme), plotted({ width, height: 280, theme, label: `Gradients of trial ${id}`, marginLeft: 52, x, y, marks }));
    },
    caption: () => "2-norm of the gradient of each layer's weights; layer 1 is at the input.",
    table: () => ({ header: ["layer", "epoch", "gradient norm"], rows: rows.map((row) => [row.layer + 1, row.epoch, row.value]) }),
  };
}

function imagesView(details, id) {
  if (!details?.inputs) return null;
  const { inputs, outputs } = details;
  return {
    name: "trial_images",
    title: "Its reconstructions",
    isOfAll: true,
    draw: (body, { width }) => body.replaceChildren(blockOf(imagesPicture(inputs, outputs, width))),
    caption: () => `Each input above what trial ${id} makes of it.`,
    table: () => ({ header: ["of", "sample", "pixels from 0 to 255"], rows: [["input", inputs], ["output", outputs]].filter(([, one]) => one).flatMap(([of, one]) => one.values.map((pixels, sample) => [of, sample + 1, pixels.join(" ")])) }),
  };
}

/** Return a picture as a part of a figure. */
function blockOf(made) {
  return block(Number(made.getAttribute("width")), Number(made.getAttribute("height")), made);
}

/** Return rows as tables beside each other. */
function columnsOf(rows) {
  const tall = Math.ceil(rows.length / 3);
  const parts = [0, 1, 2].map((k) => rows.slice(k * tall, (k + 1) * tall)).filter((part) => part.length);
  return parts.map((part) => make("table", { class: "fact" }, make("tbody", {}, ...part)));
}

function line(text) {
  return make("div", { class: "command" }, make("code", {}, text), copyButton("Copy", () => text));
}
