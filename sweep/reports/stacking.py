"""Reports whether stacking helps deep autoencoders, against their seeds. Knows no training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweep.reports.comparisons import bullets
from sweep.reports.context import Context
from sweep.reports.groups import PLAIN, Group, groups_of, judged_trials
from sweep.reports.intervals import Estimate, difference_of_shares, format_estimate
from sweep.reports.stacking_cells import (
    DEEP,
    STACKED,
    Cell,
    cells_of,
    growth_of_spread,
    ratio_of_medians,
    with_totals,
)
from sweep.reports.summary import quartiles
from sweep.reports.tables import escape, markdown_table
from sweep.store.reader import read_phases

MOST_SETTINGS = 6
PRETRAINING = "pretraining"
INTRO = (
    "Deep networks start from random weights; stacked ones had their layers pretrained, and their "
    "epochs and seconds include it. Spread is over seeds: the interquartile range of log10 of the "
    "final loss (1 is a factor of ten), and the standard deviation of the loss. A trial is "
    "reliable if its final loss is within 10% of the least of its depth. Intervals are of 95%: "
    "Wilson's for shares, bootstrapped for the rest, which is too narrow for few seeds."
)


def stacking_section(context: Context) -> str:
    """Write what depth and pretraining do; nothing without both deep and stacked trials."""
    trials = judged_trials(context.trials)
    stacked = trials["pretraining_epochs"].fillna(0) > 0
    if stacked.all() or not stacked.any():
        return ""
    phases = read_phases(context.directory.path, set(trials["trial_id"]))
    trials = with_totals(trials, phases).assign(way=np.where(stacked, STACKED, DEEP))
    apart = _apart(trials)
    paired = _paired(trials, apart)
    if paired.empty:
        return ""
    groups = groups_of(paired, most=MOST_SETTINGS, apart=apart)
    return "\n\n".join(["## Deep or stacked", INTRO, *map(_setting, groups)])


def _paired(trials: pd.DataFrame, apart: Sequence[str]) -> pd.DataFrame:
    """Return the trials of the settings that were trained both ways."""
    settings = groups_of(trials, most=len(trials), apart=apart)
    both = [g.trials.index for g in settings if g.trials["way"].nunique() > 1]
    return trials.loc[trials.index.isin(np.concatenate(both))] if both else trials[:0]


def _apart(trials: pd.DataFrame) -> list[str]:
    """Return what the table tells apart by itself: pretraining, and depth if widths follow it."""
    names = [name for name in trials.columns if name.startswith(PRETRAINING)]
    one_each = (trials.groupby("depth")["topology"].nunique() == 1).all()
    return [*names, "topology"] if one_each else names


def answers(cells: Sequence[Cell]) -> list[str]:
    """Answer the three claims about deep and stacked networks, each with its interval.

    Is a network more at the mercy of its random start the deeper it is? Is a stacked one more
    reliable? Is it quicker?
    """
    deep = [cell for cell in cells if cell.way == DEEP]
    stacked = {cell.depth: cell for cell in cells if cell.way == STACKED}
    pairs = [(cell, stacked[cell.depth]) for cell in deep if cell.depth in stacked]
    sentences = [_mercy(deep[0], deep[-1])] if len(deep) > 1 else []
    for one, other in pairs:
        sentences += [_reliability(one, other), _narrowing(one, other), _speed(one, other)]
    return sentences


def _setting(group: Group) -> str:
    cells = cells_of(group.trials)
    title = [] if group.label == PLAIN else [f"### {escape(group.label)}"]
    return "\n\n".join([*title, _table(cells), bullets(answers(cells))]).strip()


def _table(cells: Sequence[Cell]) -> str:
    header = [
        "depth",
        "way",
        "trials",
        "final loss, median (quartiles)",
        "spread of log10",
        "standard deviation",
        "reliable",
        "epochs, median",
        "seconds, median",
    ]
    return markdown_table(header, [_row(cell) for cell in cells])


def _row(cell: Cell) -> list[str]:
    lower, middle, upper = quartiles(pd.Series(cell.losses))
    return [
        f"{cell.depth}",
        cell.way,
        f"{cell.reliable.total:,}",
        f"{middle:.3g} ({lower:.3g} to {upper:.3g})" if len(cell.losses) else "-",
        format_estimate(cell.spread),
        format_estimate(cell.deviation),
        str(cell.reliable),
        *(f"{np.median(v):.4g}" if len(v) else "-" for v in (cell.epochs, cell.seconds)),
    ]


def _mercy(shallow: Cell, deepest: Cell) -> str:
    """Say whether the spread over seeds grows with depth."""
    growth = growth_of_spread(deepest, shallow)
    return (
        f"{_verdict(growth, 'More', 'Less', 'Not shown to be more')} at the mercy of its random "
        f"start with depth: the spread of log10 of the final loss over seeds is "
        f"{format_estimate(deepest.spread)} at depth {deepest.depth} and "
        f"{format_estimate(shallow.spread)} at depth {shallow.depth}, a difference of "
        f"{format_estimate(growth)}."
    )


def _reliability(deep: Cell, stacked: Cell) -> str:
    gain = difference_of_shares(stacked.reliable, deep.reliable)
    points = Estimate(100 * gain.value, 100 * gain.low, 100 * gain.high)
    return (
        f"{_verdict(gain, 'More', 'Less', 'Not shown to be more')} reliable stacked at depth "
        f"{deep.depth}: {stacked.reliable} stacked, {deep.reliable} deep, a difference of "
        f"{format_estimate(points, '.0f')} points."
    )


def _narrowing(deep: Cell, stacked: Cell) -> str:
    """Say whether stacked trials depend less on their seeds."""
    difference = growth_of_spread(deep, stacked)
    verdict = _verdict(difference, "Less", "More", "Not shown to be less")
    return (
        f"{verdict} at the mercy of its random start stacked at depth {deep.depth}: the spread "
        f"is {format_estimate(stacked.spread)} stacked and {format_estimate(deep.spread)} deep, "
        f"a difference of {format_estimate(difference)}."
    )


def _speed(deep: Cell, stacked: Cell) -> str:
    epochs = ratio_of_medians(stacked.epochs, deep.epochs)
    seconds = ratio_of_medians(stacked.seconds, deep.seconds)
    faster = Estimate(1 - seconds.value, 1 - seconds.high, 1 - seconds.low)
    return (
        f"{_verdict(faster, 'Quicker', 'Slower', 'Not shown to be quicker')} stacked at depth "
        f"{deep.depth}: the median trial takes {format_estimate(epochs)} times the epochs and "
        f"{format_estimate(seconds)} times the seconds of a deep one."
    )


def _verdict(estimate: Estimate, more: str, less: str, unshown: str) -> str:
    return {1: more, -1: less, 0: unshown}[estimate.sign]
