"""Compares trials with pretraining to those of the same depth without."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.statistics.intervals import (
    LEVEL,
    UNKNOWN,
    BySeed,
    Estimate,
    by_seed,
    difference,
    difference_by_seed,
    difference_of_pairs,
    share_seeds,
)
from sweep.reports.statistics.orders import (
    interquartile_range,
    median_ratio,
    probability_less,
    ratio_of_medians,
)
from sweep.studies.stacking.cells import DEEP, Cell

FEWEST_TIMES = 6
"""Times that differ below which seconds have no interval: trials side by side have one time."""


@dataclass(frozen=True)
class Pair:
    """Deep trials, and those of one depth and setting with one kind of pretraining.

    Where both have the same seeds, trials of one seed are compared with each other.

    Attributes:
        deep, stacked: the two.
        loss, validation, epochs, seconds: median of the stacked ones over that of the deep ones, or
            the median over seeds of the ratio.
        reliable: share of reliable trials, stacked less deep.
        spread: interquartile range of log10 of the losses, stacked less deep, never by seeds.
        sooner: probability that a stacked trial comes down to the level of the depth in fewer
            epochs than a deep one, ties counted half.
    """

    deep: Cell
    stacked: Cell
    loss: Estimate
    validation: Estimate
    epochs: Estimate
    seconds: Estimate
    reliable: Estimate
    spread: Estimate
    sooner: Estimate


def pairs_of(cells: Sequence[Cell], level: float = LEVEL) -> list[Pair]:
    """Compare each cell of a setting with pretraining to the deep one of its depth, if there is."""
    deep = {cell.depth: cell for cell in cells if cell.way == DEEP}
    return [
        _pair(deep[cell.depth], cell, level)
        for cell in cells
        if cell.way != DEEP and cell.depth in deep
    ]


def spread_of(cell: Cell, level: float = LEVEL) -> Estimate:
    """Return the interquartile range of log10 of the losses."""
    return interquartile_range(np.log10(cell.losses.to_numpy()), level)


def deviation_of(cell: Cell) -> Estimate:
    """Return the standard deviation of the losses, nan for one loss.

    It has no interval: one bad seed in ten makes most of it, and of samples without one no method
    can tell.
    """
    return Estimate(float(cell.losses.std(ddof=1)))


def growth_of_spread(cell: Cell, other: Cell, level: float = LEVEL) -> Estimate:
    """Return how much more log10 of the losses spreads in one cell than in the other."""
    return difference(spread_of(cell, level), spread_of(other, level))


def _pair(deep: Cell, stacked: Cell, level: float) -> Pair:
    compared = _ratio_by_seed if share_seeds(stacked.near, deep.near) else _ratio
    seconds = compared(stacked.seconds, deep.seconds, level)
    times = min(stacked.seconds.nunique(), deep.seconds.nunique())
    return Pair(
        deep=deep,
        stacked=stacked,
        loss=compared(stacked.losses, deep.losses, level),
        validation=compared(stacked.validation, deep.validation, level),
        epochs=compared(stacked.epochs, deep.epochs, level),
        seconds=seconds if times >= FEWEST_TIMES else Estimate(seconds.value),
        reliable=difference_by_seed(stacked.near, deep.near, level),
        spread=growth_of_spread(stacked, deep, level),
        sooner=_sooner(stacked, deep, level),
    )


def _ratio(mine: BySeed, theirs: BySeed, level: float) -> Estimate:
    return ratio_of_medians(mine.to_numpy(), theirs.to_numpy(), level)


def _ratio_by_seed(mine: BySeed, theirs: BySeed, level: float) -> Estimate:
    both = pd.concat([mine, theirs], axis=1, join="inner").to_numpy()
    return median_ratio(both[:, 0], both[:, 1], level)


def _sooner(stacked: Cell, deep: Cell, level: float) -> Estimate:
    if not np.isfinite(deep.level):
        return UNKNOWN
    mine, theirs = stacked.sooner, deep.sooner
    if not share_seeds(mine, theirs):
        return probability_less(mine.to_numpy(), theirs.to_numpy(), level)
    more = difference_of_pairs(by_seed(theirs, mine), level)
    return more.map(lambda x: 0.5 + x / 2)  # ties half, from those in favour less those against
