/** By what epoch trials had met their rule, censored ones counted as long as they were watched. */

import { Summaries } from "sweep/groups";
import { legend } from "sweep/legend";
import { inksOf, plotted, scaleOf } from "sweep/plotting";
import { percent } from "sweep/text";

const HEIGHT = 320;

export function survivalView(context) {
  const { manifest, trials } = context;
  const summaries = new Summaries(manifest.survival, context);
  if (summaries.isEmpty) return null;
  const steps = () => summaries.levels.flatMap(([level, found]) => stepsOf(level, found));
  const marks = () => summaries.levels.flatMap(([level, found]) => marksOf(level, found));

  return {
    name: "survival",
    title: "Epochs until the rule is met",
    isOfAll: true,
    controls: () => [summaries.control()],
    draw(body, { width, theme }) {
      const inks = inksOf(summaries.levels.map(([level]) => level), summaries.isOrdered, theme);
      const colours = new Map(inks.map(({ word, colour }) => [word, colour]));
      const rows = steps();
      const censored = marks();
      const lines = inks.map(({ word, colour, dash }) =>
        Plot.line(rows.filter((row) => row.level === word), { x: "epoch", y: "share", curve: "step-after", stroke: colour, strokeWidth: 2, strokeDasharray: dash }),
      );
      const drawn = plotted({
        width,
        height: HEIGHT,
        theme,
        label: "Share of trials that had met their rule by each epoch",
        marginLeft: 52,
        x: scaleOf([...rows, ...censored].map((row) => row.epoch), "epochs", theme),
        y: { label: "share that met it", domain: [0, 1], grid: true, tickFormat: percent, labelArrow: "none" },
        marks: [
          ...lines,
          Plot.dot(censored, { x: "epoch", y: "share", symbol: "triangle2", stroke: (mark) => colours.get(mark.level), fill: theme.page, r: 4 }),
        ],
      });
      body.replaceChildren(legend(inks, width, theme), drawn);
    },
    caption: () =>
      `Kaplan and Meier's estimate of all ${trials.told} that have a rule to meet, whatever is selected; open triangles: epochs at which trials were censored.`,
    table() {
      const header = [summaries.axis, "epoch", "share", "n", "met", "censored"];
      const rows = summaries.levels.flatMap(([level, { epochs, share, n, met, censored }]) =>
        epochs.map((epoch, k) => [level, epoch, share[k], n, met, censored]),
      );
      return { header, rows };
    },
  };
}

function stepsOf(level, { epochs, share, marks }) {
  const last = Math.max(epochs.at(-1) ?? 1, ...marks);
  const rows = epochs.map((epoch, k) => ({ level, epoch, share: share[k] }));
  return [{ level, epoch: 1, share: 0 }, ...rows, { level, epoch: last, share: share.at(-1) ?? 0 }].filter((row) => row.epoch > 0);
}

function marksOf(level, { epochs, share, marks }) {
  return marks.map((epoch) => {
    const before = d3.bisectRight(epochs, epoch) - 1;
    return { level, epoch: Math.max(1, epoch), share: before < 0 ? 0 : share[before] };
  });
}
