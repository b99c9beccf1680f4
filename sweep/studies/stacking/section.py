"""Reports whether stacking helps deep autoencoders, against their seeds. Knows no training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.axes import quartiles
from sweep.reports.groups import PLAIN, Group, groups_of
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.comparisons import bullets
from sweep.reports.statistics.intervals import Estimate, corrected, describe_level, format_estimate
from sweep.reports.statistics.seeds import BySeed
from sweep.reports.tables.text import escape, markdown_table
from sweep.store.layout import ResultsDir
from sweep.store.reader import read_ladder, read_phases
from sweep.studies.stacking.cells import DEEP, Cell, cells_of, with_totals
from sweep.studies.stacking.figure import draw_stacking
from sweep.studies.stacking.pairs import Pair, deviation_of, growth_of_spread, pairs_of, spread_of
from sweep.trial import PARAMETERS

MOST_SETTINGS = 6
PRETRAINING = "pretraining"
LAST_PHASE = ["fixed_epochs", "max_epochs"]
"""Differ between ways that train equally long in all."""
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
    "pretrained trial comes down to a loss in fewer epochs than a deep one, its pretraining "
    "counted: the least loss on the ladder that half the trials of the depth came down to."
)


@dataclass(frozen=True)
class Claim:
    """A measure of pairs, its value where there is no difference, and words for either side."""

    name: str
    measure: Callable[[Pair], Estimate]
    neutral: float
    below: str
    above: str


CLAIMS = (
    Claim("Reliable", lambda pair: pair.reliable, 0.0, "less", "more"),
    Claim("At the mercy of its random start", lambda pair: pair.spread, 0.0, "less", "more"),
    Claim("Final loss", lambda pair: pair.loss, 1.0, "lower", "higher"),
    Claim("Validation loss", lambda pair: pair.validation, 1.0, "lower", "higher"),
    Claim("Epochs in all", lambda pair: pair.epochs, 1.0, "fewer", "more"),
    Claim("Seconds in all", lambda pair: pair.seconds, 1.0, "fewer", "more"),
    Claim("Down to the same loss", lambda pair: pair.sooner, 0.5, "later", "sooner"),
)


@section(130)
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
    trials = trials.assign(way=trials["pretraining"].mask(plain, DEEP))
    trials = _paired(trials, [*_apart(trials), "topology"])
    if trials.empty:
        return []
    ladder = read_ladder(directory.path, wanted)
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
    names = [name for name in PARAMETERS if name.startswith(PRETRAINING)]
    cells = trials.groupby(["topology", *names], dropna=False)
    one_each = (cells[LAST_PHASE].nunique(dropna=False) == 1).all(axis=None)
    return [*names, *LAST_PHASE] if one_each else names


def answers(cells: Sequence[Cell], level: float) -> list[str]:
    """Answer the claims about deep and stacked networks.

    Is a network more at the mercy of its random start the deeper it is? Is a pretrained one less
    so, more reliable, better, quicker?

    Args:
        cells: of one setting.
        level: of the intervals to answer by.
    """
    deep, pairs = _deep(cells), pairs_of(cells, level)
    sentences = [_mercy(deep[0], deep[-1], level)] if len(deep) > 1 else []
    return sentences + [told for claim in CLAIMS if (told := _claim(pairs, claim))]


def count_comparisons(cells: Sequence[Cell]) -> int:
    """Return how many differences the answers for one setting are about, of those not certain."""
    found = [claim.measure(pair) for pair in pairs_of(cells) for claim in CLAIMS]
    return sum(one.low < one.high for one in found) + (len(_deep(cells)) > 1)


def _deep(cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.way == DEEP]


def _claim(pairs: Sequence[Pair], claim: Claim) -> str:
    """Say which pairs differ, one way or the other, and which are not shown to, if any is known."""
    told: dict[str, list[str]] = {}
    for pair in pairs:
        found = claim.measure(pair)
        if np.isnan(found.value):
            continue
        side = int(found.low > claim.neutral) - int(found.high < claim.neutral)
        verdict = {1: claim.above, -1: claim.below, 0: "no difference shown"}[side]
        told.setdefault(verdict, []).append(f"{_named(pair.stacked)}")
    listed = "; ".join(f"{verdict} with {', '.join(names)}" for verdict, names in told.items())
    return f"{claim.name}: {listed}." if told else ""


def _named(cell: Cell) -> str:
    return f"{escape(cell.way)} at depth {cell.depth}"


def _setting(group: Group, cells: Sequence[Cell], level: float) -> str:
    pairs = pairs_of(cells)
    title = [] if group.label == PLAIN else [f"### {escape(group.label)}"]
    compared = [AGAINST, _comparison(pairs)] if pairs else []
    return "\n\n".join([*title, _table(cells), *compared, bullets(answers(cells, level))]).strip()


def _table(cells: Sequence[Cell]) -> str:
    header = [
        "depth",
        "way",
        "trials",
        "final loss, median (quartiles)",
        "validation loss, median",
        "spread of log10",
        "standard deviation",
        "reliable",
        "epochs, median",
        "seconds, median",
        "down to",
        "after epochs, median",
    ]
    return markdown_table(header, [_row(cell) for cell in cells])


def _row(cell: Cell) -> list[str]:
    lower, middle, upper = quartiles(cell.losses)
    came = int(np.isfinite(cell.sooner).sum())
    known = np.isfinite(cell.level)
    return [
        f"{cell.depth}",
        cell.way,
        f"{cell.reliable.total:,}",
        f"{middle:.3g} ({lower:.3g} to {upper:.3g})" if len(cell.losses) else "-",
        _median(cell.validation),
        format_estimate(spread_of(cell)),
        format_estimate(deviation_of(cell)),
        str(cell.reliable),
        _median(cell.epochs),
        _median(cell.seconds),
        f"{cell.level:g}: {came:,} of {len(cell.sooner):,}" if known else "-",
        _median(cell.sooner) if known else "-",
    ]


def _median(values: BySeed) -> str:
    middle = float(np.median(values)) if len(values) else np.nan
    return f"{middle:.4g}" if np.isfinite(middle) else "-"


def _comparison(pairs: Sequence[Pair]) -> str:
    header = [
        "depth",
        "way",
        "loss, ratio",
        "validation loss, ratio",
        "reliable, points",
        "spread, difference",
        "epochs, ratio",
        "seconds, ratio",
        "sooner",
    ]
    return markdown_table(header, [_compared(pair) for pair in pairs])


def _compared(pair: Pair) -> list[str]:
    found = pair.reliable
    points = found.times(100)
    return [
        f"{pair.stacked.depth}",
        pair.stacked.way,
        format_estimate(pair.loss),
        format_estimate(pair.validation),
        format_estimate(points, ".0f"),
        format_estimate(pair.spread),
        format_estimate(pair.epochs),
        format_estimate(pair.seconds),
        format_estimate(pair.sooner, ".0%"),
    ]


def _mercy(shallow: Cell, deepest: Cell, level: float) -> str:
    """Say whether the spread over seeds grows with depth."""
    growth = growth_of_spread(deepest, shallow, level)
    verdict = {1: "More", -1: "Less", 0: "Not shown to be more"}[growth.sign]
    return (
        f"{verdict} at the mercy of its random start with depth: the spread of log10 of the final "
        f"loss over seeds is {format_estimate(spread_of(deepest))} at depth {deepest.depth} and "
        f"{format_estimate(spread_of(shallow))} at depth {shallow.depth}, a difference of "
        f"{format_estimate(growth)}."
    )
