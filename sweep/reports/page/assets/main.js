/** Puts the page together: reads what it carries, and fills the place for views. */

import { Bar } from "sweep/bar";
import { bytesOf, objectOf } from "sweep/bytes";
import { Trials } from "sweep/columns";
import { make } from "sweep/dom";
import { curvesView } from "sweep/curves";
import { Details } from "sweep/details";
import { endingsOf } from "sweep/endings";
import { Figures } from "sweep/figure";
import { gradientsView } from "sweep/gradients";
import { heatmapView } from "sweep/heatmap";
import { parallelView } from "sweep/parallel";
import { scatterView } from "sweep/scatter";
import { linkSections } from "sweep/sections";
import { Selection } from "sweep/selection";
import { slicesView } from "sweep/slices";
import { State } from "sweep/state";
import { survivalView } from "sweep/survival";
import { TrialTable } from "sweep/table";
import { themeSwitch } from "sweep/theme";
import { Traces } from "sweep/traces";
import { TrialPage } from "sweep/trial";
import { holds } from "sweep/where";

const HEADLINES = ["validation_loss", "final_loss", "epochs"];

async function start() {
  const manifest = objectOf("manifest");
  const trials = new Trials(manifest, await bytesOf("trials"));
  const state = new State();
  const selection = new Selection(trials, state, holds);
  const endings = endingsOf(trials);
  const headline = HEADLINES.map((name) => trials.get(name)).find(Boolean) ?? trials.outcomes[0];
  const open = (i) => i >= 0 && state.set({ trial: trials.ids.text(i) });
  const context = { manifest, trials, state, selection, endings, headline, open };
  await build(context);
}

/** Draw the first figure, and only then make what is further down. */
async function build(context) {
  const { state, selection, trials } = context;
  const places = sections();
  linkSections(state);
  const bar = new Bar(places.bar, context);
  state.listen(() => {
    selection.update();
    bar.update();
  });
  const figures = new Figures(state);
  document.getElementById("top").append(themeSwitch(() => figures.refresh()));
  if (!trials.count) return;
  context.traces = new Traces(context.manifest, () => figures.spoil("curves", "trial_curve"));
  context.details = new Details();
  const first = figures.add(places.wide, parallelView(context));
  if (!state.get("trial")) figures.begin(first);
  await painted();
  for (const view of viewsOf(context)) figures.add(places.figures, view);
  new TrialTable(places.table, context);
  new TrialPage(places.trial, { ...context, figures });
  performance.mark("sweep-ready");
}

/** Wait until the browser has had the time to show what is drawn. */
function painted() {
  return new Promise((done) => setTimeout(done, 0));
}

function viewsOf(context) {
  const hasSettings = context.trials.settings.length > 0;
  return [
    scatterView(context),
    hasSettings ? heatmapView(context) : null,
    hasSettings ? slicesView(context) : null,
    curvesView(context),
    survivalView(context),
    gradientsView(context),
  ].filter(Boolean);
}

function sections() {
  const bar = make("div", { class: "bar", role: "search", "aria-label": "Select trials" });
  const wide = make("div", { class: "wide" });
  const figures = make("div", { class: "figures" });
  const table = make("section", { id: "table", "aria-labelledby": "table-title" }, make("h2", { id: "table-title" }, "Trials"));
  const explore = make("section", { id: "explore", "aria-labelledby": "explore-title" }, make("h2", { id: "explore-title" }, "Explore"), bar, wide, figures);
  const trial = make("section", { id: "trial", hidden: true });
  document.getElementById("views").append(explore, table, trial);
  return { bar, wide, figures, table, trial };
}

await start();
