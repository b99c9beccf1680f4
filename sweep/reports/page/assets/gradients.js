/** The 2-norm of the gradient by layer and epoch: medians of all trials of each level. */

import { Summaries } from "sweep/groups";
import { legend } from "sweep/legend";
import { plotted, scaleOf } from "sweep/plotting";

const HEIGHT = 190;
const LEAST_WIDTH = 220;
const MOST_PANELS = 12;

export function gradientsView(context) {
  const { manifest, trials } = context;
  const summaries = new Summaries(manifest.gradients, context);
  if (summaries.isEmpty) return null;
  const rows = () => summaries.levels.slice(0, MOST_PANELS).flatMap(([level, found], panel) => rowsOf(level, found, panel));

  return {
    name: "gradients",
    title: "Gradient norm by layer and epoch",
    isOfAll: true,
    controls: () => [summaries.control()],
    draw(body, { width, theme }) {
      const drawn = rows();
      const layers = [...new Set(drawn.map((row) => row.layer))].sort((a, b) => a - b);
      const colour = (layer) => (layers.length > 1 ? theme.ramp(0.25 + (0.75 * layers.indexOf(layer)) / (layers.length - 1)) : theme.accent);
      const items = layers.map((layer) => ({ word: `layer ${layer + 1}`, colour: colour(layer), isLine: true }));
      const panels = Math.min(summaries.levels.length, MOST_PANELS);
      body.replaceChildren(legend(items, width, theme), drawPanels({ rows: drawn, panels, colour, width, theme, title: summaries.title }));
    },
    caption() {
      const all = summaries.levels.length;
      const left = all > MOST_PANELS ? ` The first ${MOST_PANELS} of ${all} values.` : "";
      return `Medians of all ${trials.told} that were probed, whatever is selected; layer 1 is at the input.${left}`;
    },
    table: () => ({
      header: [summaries.axis, "layer", "epoch", "median gradient norm", "n"],
      rows: rows().map((row) => [row.level, row.layer + 1, row.epoch, row.value, row.n]),
    }),
  };
}

function rowsOf(level, { n, layers, epochs, median }, panel) {
  return layers.flatMap((layer, row) =>
    epochs
      .map((epoch, k) => ({ level, panel, layer, epoch, n, value: median[row][k] }))
      .filter((one) => one.value !== null && one.value > 0 && one.epoch > 0),
  );
}

function drawPanels({ rows, panels, colour, width, theme, title }) {
  const across = Math.max(1, Math.min(panels, Math.floor(width / LEAST_WIDTH)));
  const fx = (row) => row.panel % across;
  const fy = (row) => Math.floor(row.panel / across);
  const height = HEIGHT * Math.ceil(panels / across) + 40;
  const names = d3.rollups(rows, (some) => some[0], (row) => row.panel).map(([, row]) => row);
  return plotted({
    width,
    height,
    theme,
    label: "Gradient norm by layer and epoch",
    marginLeft: 52,
    marginTop: 24,
    fx: { axis: null, padding: 0.08 },
    fy: { axis: null, padding: 0.16 },
    x: scaleOf(rows.map((row) => row.epoch), "epochs", theme, { ticks: 4 }),
    y: scaleOf(rows.map((row) => row.value), "gradient norm", theme, { grid: true, label: null }),
    marks: [
      Plot.frame({ stroke: theme.line }),
      Plot.line(rows, { fx, fy, x: "epoch", y: "value", z: "layer", stroke: (row) => colour(row.layer), strokeWidth: 1.6 }),
      Plot.text(names, { fx, fy, text: (row) => `${title} ${row.level}`, frameAnchor: "top-left", dy: -15, fontWeight: 600 }),
    ],
  });
}
