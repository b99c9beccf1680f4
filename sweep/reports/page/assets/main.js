/** Puts the page together: reads what it carries, and fills the place for views. */

import { Bar } from "sweep/bar";
import { bytesOf, objectOf } from "sweep/bytes";
import { Trials } from "sweep/columns";
import { make } from "sweep/dom";
import { endingsOf } from "sweep/endings";
import { Figures } from "sweep/figure";
import { parallelView } from "sweep/parallel";
import { scatterView } from "sweep/scatter";
import { Selection } from "sweep/selection";
import { State } from "sweep/state";
import { TrialTable } from "sweep/table";
import { themeSwitch } from "sweep/theme";
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
  build(context);
}

function build(context) {
  const { state, selection, trials } = context;
  const places = sections();
  const bar = new Bar(places.bar, context);
  state.listen(() => {
    selection.update();
    bar.update();
  });
  const figures = new Figures(state);
  document.getElementById("top").append(themeSwitch(() => figures.refresh()));
  if (!trials.count) return;
  figures.add(places.wide, parallelView(context));
  figures.add(places.figures, scatterView(context));
  context.table = new TrialTable(places.table, context);
  performance.mark("sweep-ready");
}

function sections() {
  const bar = make("div", { class: "bar", role: "search", "aria-label": "Select trials" });
  const wide = make("div", { class: "wide" });
  const figures = make("div", { class: "figures" });
  const table = make("section", { id: "table", "aria-labelledby": "table-title" }, make("h2", { id: "table-title" }, "Trials"));
  const explore = make("section", { id: "explore", "aria-labelledby": "explore-title" }, make("h2", { id: "explore-title" }, "Explore"), bar, wide, figures);
  document.getElementById("views").append(explore, table);
  return { bar, wide, figures, table };
}

await start();
