"""Compares trials with pretraining to those of the same depth without. Knows no words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.reports.intervals import FEWEST, Estimate, Values, difference_of_shares, resampled
from sweep.reports.stacking_cells import DEEP, Cell


@dataclass(frozen=True)
class Pair:
    """Deep trials, and those of one depth and setting with one kind of pretraining.

    Attributes:
        deep, stacked: the two.
        loss, validation, epochs, seconds: median of the stacked ones over that of the deep ones.
        reliable: share of reliable trials, stacked less deep.
        spread: interquartile range of log10 of the losses, stacked less deep.
        sooner: probability that a stacked trial comes down to the level of the depth in fewer
            epochs than a deep one, ties counted half: Mann and Whitney's U over all pairs.
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


def pairs_of(cells: Sequence[Cell]) -> list[Pair]:
    """Compare each cell with pretraining to the deep one of its depth, where there is one."""
    deep = {cell.depth: cell for cell in cells if cell.way == DEEP}
    return [
        _pair(deep[cell.depth], cell) for cell in cells if cell.way != DEEP and cell.depth in deep
    ]


def spread_of(cell: Cell) -> Estimate:
    """Return the interquartile range of log10 of the losses."""
    return resampled([np.log10(cell.losses)], _interquartile_range)


def deviation_of(cell: Cell) -> Estimate:
    """Return the standard deviation of the losses, nan for one loss."""
    losses = cell.losses if len(cell.losses) > 1 else cell.losses[:0]
    return resampled([losses], _deviation)


def growth_of_spread(cell: Cell, other: Cell) -> Estimate:
    """Return how much more log10 of the losses spreads in one cell than in the other."""
    logs = [np.log10(found.losses) for found in (cell, other)]
    return resampled(logs, _difference_of_ranges)


def _pair(deep: Cell, stacked: Cell) -> Pair:
    known = slice(None) if np.isfinite(deep.level) else slice(0)
    return Pair(
        deep=deep,
        stacked=stacked,
        loss=resampled([stacked.losses, deep.losses], _ratio),
        validation=resampled([stacked.validation, deep.validation], _ratio),
        epochs=resampled([stacked.epochs, deep.epochs], _ratio),
        seconds=_ratio_of_packs(stacked.seconds, deep.seconds),
        reliable=difference_of_shares(stacked.reliable, deep.reliable),
        spread=growth_of_spread(stacked, deep),
        sooner=resampled([one.sooner[known] for one in (stacked, deep)], _share_sooner),
    )


def _ratio_of_packs(values: Values, others: Values) -> Estimate:
    """Return the ratio of medians; trials that trained side by side have told one time together.

    So there is no interval where there are fewer than `FEWEST` times.
    """
    found = resampled([values, others], _ratio)
    few = min(len(np.unique(values)), len(np.unique(others))) < FEWEST
    return replace(found, low=np.nan, high=np.nan) if few else found


def _interquartile_range(values: Values, axis: int = -1) -> Values:
    lower, upper = np.quantile(values, [0.25, 0.75], axis=axis)
    return np.asarray(upper - lower)


def _difference_of_ranges(values: Values, others: Values, axis: int) -> Values:
    return np.asarray(_interquartile_range(values, axis) - _interquartile_range(others, axis))


def _deviation(values: Values, axis: int) -> Values:
    return np.asarray(np.std(values, axis=axis, ddof=1))


def _ratio(values: Values, others: Values, axis: int) -> Values:
    return np.asarray(np.median(values, axis=axis) / np.median(others, axis=axis))


def _share_sooner(values: Values, others: Values, axis: int) -> Values:
    """Return the share of pairs in which the first is less, along the last axis."""
    mine, theirs = values[..., :, None], others[..., None, :]
    return np.asarray(((mine < theirs) + 0.5 * (mine == theirs)).mean(axis=(-2, -1)))
