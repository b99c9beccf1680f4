"""Reports whether stacking helps deep autoencoders, seed by seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.components.stopping import LOSS
from sweep.reports.groups import PLAIN, Group, groups_of
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.intervals import (
    BySeed,
    Estimate,
    corrected,
    describe_level,
    format_estimate,
    spread,
)
from sweep.reports.tables.text import MISSING, bullets, column_table, escape, format_number
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_ladder, read_phases
from sweep.studies.stacking.cells import DEEP, Cell, cells_of, with_totals
from sweep.studies.stacking.figure import draw_stacking
from sweep.studies.stacking.pairs import Pair, deviation_of, growth_of_spread, pairs_of, spread_of
from sweep.trial import PARAMETERS

MOST_SETTINGS = 6
PRETRAINING = "pretraining"
LAST_PHASE = ["fixed_epochs", "max_epochs"]
"""Differ between ways that train equally long in all."""
READ = ("topology", "depth", "bottleneck", "max_epochs", "seconds", "seed")
INTRO = (
    "Deep networks start from random weights, the others had their layers pretrained, and their "
    "epochs and seconds include it. Spread is over seeds: the interquartile range of log10 of the "
    "final loss (1 is a factor of ten), and the standard deviation of the loss. A trial is "
    "reliable if its final loss is within 10% of the least of its depth. In the tables each "
    "interval by itself is of 95%, and there is none for too few seeds. Seconds depend also on how "
    "many trials trained side by side, which all have the same: they have no interval then."
)
AGAINST = (
    "Each kind of pretraining against the deep trials of its depth, seed by seed where both have "
    "the same seeds: medians of the ratio (else ratios of medians), differences of the reliable "
    "share (percentage points) and of the spread. Sooner is the probability that a "
    "pretrained trial reaches a loss in fewer epochs than a deep one, its pretraining counted: the "
    "least loss on the ladder that half the trials of the depth reach."
)


@dataclass(frozen=True)
class Question:
    """What is asked of pairs.

    Attributes:
        name, measure: what differs, and by how much.
        neutral: the measure where there is no difference.
        below, above: words for less and more than that.
    """

    name: str
    measure: Callable[[Pair], Estimate]
    neutral: float
    below: str
    above: str


QUESTIONS = (
    Question("Reliable", lambda pair: pair.reliable, 0.0, "less", "more"),
    Question("Spread over seeds", lambda pair: pair.spread, 0.0, "less", "more"),
    Question("Final loss", lambda pair: pair.loss, 1.0, "lower", "higher"),
    Question("Validation loss", lambda pair: pair.validation, 1.0, "lower", "higher"),
    Question("Epochs in all", lambda pair: pair.epochs, 1.0, "fewer", "more"),
    Question("Seconds in all", lambda pair: pair.seconds, 1.0, "fewer", "more"),
    Question("Reaches the same loss", lambda pair: pair.sooner, 0.5, "later", "sooner"),
)

CELL_COLUMNS: Mapping[str, Callable[[Cell], str]] = {
    "depth": lambda cell: f"{cell.depth}",
    "way": lambda cell: cell.way,
    "trials": lambda cell: f"{cell.reliable.total:,}",
    "final loss, median (quartiles)": lambda cell: format_estimate(spread(cell.losses)),
    "validation loss, median": lambda cell: _median(cell.validation),
    "spread of log10": lambda cell: format_estimate(spread_of(cell)),
    "standard deviation": lambda cell: format_estimate(deviation_of(cell)),
    "reliable": lambda cell: str(cell.reliable),
    "epochs, median": lambda cell: _median(cell.epochs),
    "seconds, median": lambda cell: _median(cell.seconds),
    "reach a loss": lambda cell: _reached(cell),
    "epochs to reach it, median": lambda cell: _median(cell.sooner),
}
PAIR_COLUMNS: Mapping[str, Callable[[Pair], str]] = {
    "depth": lambda pair: f"{pair.stacked.depth}",
    "way": lambda pair: pair.stacked.way,
    "loss, ratio": lambda pair: format_estimate(pair.loss),
    "validation loss, ratio": lambda pair: format_estimate(pair.validation),
    "reliable, points": lambda pair: format_estimate(pair.reliable.times(100), ".0f"),
    "spread, difference": lambda pair: format_estimate(pair.spread),
    "epochs, ratio": lambda pair: format_estimate(pair.epochs),
    "seconds, ratio": lambda pair: format_estimate(pair.seconds),
    "sooner": lambda pair: format_estimate(pair.sooner, ".0%"),
}


@section(130, columns=READ)
def stacking_section(context: Context) -> str:
    """Write what depth and pretraining do; nothing without trials both with it and without."""
    found = stacked_settings(context.directory, context.trials)
    if not found:
        return ""
    comparisons = sum(count_comparisons(cells) for _, cells in found)
    level = corrected(comparisons)
    settings = [_setting(group, cells, level) for group, cells in found]
    wider = f"The answers below the tables go by wider ones. {describe_level(comparisons)}"
    intro = f"{INTRO} {wider}" if comparisons > 1 else INTRO
    drawn = draw_stacking(found, context.axes)
    figure = context.figures.show("stacking", "Final loss by depth", drawn)
    return "\n\n".join(["## Deep or stacked", intro, figure, *settings])


def stacked_settings(directory: ResultsDir, trials: pd.DataFrame) -> list[tuple[Group, list[Cell]]]:
    """Return the settings trained both with pretraining and without, each with its cells."""
    plain = trials["pretraining"] == PARAMETERS["pretraining"].metadata["neutral"]
    if plain.all() or not plain.any():
        return []
    wanted = set(trials["trial_id"])
    trials = with_totals(trials, read_phases(directory.path, wanted))
    trials = trials.assign(way=trials["pretraining"].astype(str).mask(plain, DEEP))
    trials = _paired(trials, [*_apart(trials), "topology"])
    if trials.empty:
        return []
    ladder = read_ladder(directory.path, wanted)
    ladder = ladder[ladder["monitor"] == LOSS]
    return [(group, cells_of(group.trials, ladder)) for group in _groups(trials)]


def _groups(trials: pd.DataFrame) -> list[Group]:
    """Group by what the tables do not tell apart by themselves.

    They tell pretraining apart, and depth where the widths follow it or it and the bottleneck,
    which then has tables of its own.
    """
    apart = _apart(trials)
    if (trials.groupby("depth")["topology"].nunique() == 1).all():
        return groups_of(trials, most=MOST_SETTINGS, apart=[*apart, "topology"])
    if (trials.groupby(["depth", "bottleneck"])["topology"].nunique() > 1).any():
        return groups_of(trials, most=MOST_SETTINGS, apart=apart)
    found = []
    for width, rows in trials.groupby("bottleneck"):
        for group in groups_of(rows, most=MOST_SETTINGS, apart=[*apart, "topology"]):
            told = [] if group.label == PLAIN else [group.label]
            label = ", ".join([f"bottleneck {width}", *told])
            found.append(Group(group.factor, label, group.trials))
    return found


def _paired(trials: pd.DataFrame, apart: Sequence[str]) -> pd.DataFrame:
    """Return the trials of the settings that were trained both ways."""
    settings = groups_of(trials, most=len(trials), apart=apart)
    both = [g.trials.index for g in settings if g.trials["way"].nunique() > 1]
    return trials.loc[trials.index.isin(np.concatenate(both))] if both else trials[:0]


def _apart(trials: pd.DataFrame) -> list[str]:
    """Return the parameters of pretraining, and the epochs of the last phase if they follow it."""
    names = [n for n in PARAMETERS if n.startswith(PRETRAINING) and n in trials.columns]
    cells = trials.groupby(["topology", *names], dropna=False)
    one_each = (cells[LAST_PHASE].nunique(dropna=False) == 1).all(axis=None)
    return [*names, *LAST_PHASE] if one_each else names


def answers(cells: Sequence[Cell], level: float) -> list[str]:
    """Answer the questions about deep and stacked networks.

    Does the spread over seeds grow with depth? Is a pretrained network more reliable, better,
    quicker, and does it spread less?
    """
    deep, pairs = _deep(cells), pairs_of(cells, level)
    sentences = [_growth(deep[0], deep[-1], level)] if len(deep) > 1 else []
    return sentences + [told for question in QUESTIONS if (told := _answer(pairs, question))]


def count_comparisons(cells: Sequence[Cell]) -> int:
    """Return how many differences the answers for one setting are about, of those not certain."""
    found = [question.measure(pair) for pair in pairs_of(cells) for question in QUESTIONS]
    return sum(one.low < one.high for one in found) + (len(_deep(cells)) > 1)


def _deep(cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.way == DEEP]


def _answer(pairs: Sequence[Pair], question: Question) -> str:
    """Say which pairs differ, one way or the other, and which are not shown to, if any is known."""
    told: dict[str, list[str]] = {}
    for pair in pairs:
        found = question.measure(pair)
        if np.isnan(found.value):
            continue
        side = int(found.low > question.neutral) - int(found.high < question.neutral)
        verdict = {1: question.above, -1: question.below, 0: "no difference shown"}[side]
        named = f"{escape(pair.stacked.way)} at depth {pair.stacked.depth}"
        told.setdefault(verdict, []).append(named)
    listed = "; ".join(f"{verdict} with {', '.join(names)}" for verdict, names in told.items())
    return f"{question.name}: {listed}." if told else ""


def _growth(shallow: Cell, deepest: Cell, level: float) -> str:
    """Say whether the spread over seeds grows with depth."""
    growth = growth_of_spread(deepest, shallow, level)
    verdict = {1: "grows", -1: "falls", 0: "is not shown to grow"}[growth.sign]
    return (
        f"The spread over seeds {verdict} with depth: that of log10 of the final loss is "
        f"{format_estimate(spread_of(deepest))} at depth {deepest.depth} and "
        f"{format_estimate(spread_of(shallow))} at depth {shallow.depth}, a difference of "
        f"{format_estimate(growth)}."
    )


def _setting(group: Group, cells: Sequence[Cell], level: float) -> str:
    pairs = pairs_of(cells)
    parts = [] if group.label == PLAIN else [f"### {escape(group.label)}"]
    parts.append(column_table(CELL_COLUMNS, cells))
    parts += [AGAINST, column_table(PAIR_COLUMNS, pairs)] if pairs else []
    return "\n\n".join([*parts, bullets(answers(cells, level))]).strip()


def _median(values: BySeed) -> str:
    return format_number(float(values.median(skipna=False)), ".4g")


def _reached(cell: Cell) -> str:
    """Say how many trials came down to the loss that half of their depth came down to."""
    came = int(np.isfinite(cell.sooner).sum())
    known = np.isfinite(cell.level)
    return f"{cell.level:g}: {came:,} of {len(cell.sooner):,}" if known else MISSING
