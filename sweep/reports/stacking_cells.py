"""Gathers trials by depth and by how they were pretrained, and measures them. Knows no words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.intervals import Estimate, Share, Values, resampled

RELIABLE = 1.1
DEEP = "deep"
"""The way of trials without pretraining; that of others is its name."""


@dataclass(frozen=True)
class Cell:
    """Trials of one setting, depth and way of training, with finite losses above 0.

    Attributes:
        depth: layers of weights. way: deep, or the kind of pretraining.
        losses: final losses. epochs, seconds: in all, pretraining included.
        reliable: trials within 10% of the best of the setting and depth, of all that were judged.
    """

    depth: int
    way: str
    losses: Values
    epochs: Values
    seconds: Values
    reliable: Share

    @property
    def spread(self) -> Estimate:
        """Interquartile range of log10 of the losses."""
        return resampled([np.log10(self.losses)], interquartile_range)

    @property
    def deviation(self) -> Estimate:
        """Standard deviation of the losses."""
        return resampled([self.losses], _deviation)


def with_totals(trials: pd.DataFrame, phases: pd.DataFrame) -> pd.DataFrame:
    """Return the trials with `total_epochs` and `total_seconds`: sums over their phases.

    A trial without phases has its own; so has one whose phases were not timed its own seconds.
    """
    parts = phases.groupby("trial_id")
    sums = parts.agg(epochs=("epochs", "sum"), seconds=("seconds", _total))
    found = trials[["trial_id"]].join(sums, on="trial_id")
    return trials.assign(
        total_epochs=found["epochs"].fillna(trials["epochs"]).astype(np.float64),
        total_seconds=found["seconds"].fillna(trials["seconds"]).astype(np.float64),
    )


def _total(seconds: "pd.Series[float]") -> float:
    """Return the sum, nan where any is missing."""
    return float(seconds.sum(skipna=False))


def cells_of(trials: pd.DataFrame) -> list[Cell]:
    """Split the trials of one setting by depth and way of training, ascending.

    Args:
        trials: with `way`, `total_epochs` and `total_seconds`.
    """
    cells = []
    pairs = sorted(set(trials[["depth", "way"]].itertuples(index=False, name=None)))
    for depth, way in pairs:
        same = trials[trials["depth"] == depth]
        rows, best = same[same["way"] == way], float(same["final_loss"].min())
        near = int((rows["final_loss"] <= RELIABLE * best).sum())
        known = rows[np.isfinite(rows["final_loss"]) & (rows["final_loss"] > 0)]
        columns = ("final_loss", "total_epochs", "total_seconds")
        losses, epochs, seconds = (known[name].to_numpy(np.float64) for name in columns)
        cells.append(Cell(depth, way, losses, epochs, seconds, Share(near, len(rows))))
    return cells


def interquartile_range(values: Values, axis: int = -1) -> Values:
    lower, upper = np.quantile(values, [0.25, 0.75], axis=axis)
    return np.asarray(upper - lower)


def growth_of_spread(cell: Cell, other: Cell) -> Estimate:
    """Return how much more log10 of the losses spreads in one cell than in the other."""
    logs = [np.log10(found.losses) for found in (cell, other)]
    return resampled(logs, _difference_of_ranges)


def ratio_of_medians(values: Values, others: Values) -> Estimate:
    """Return the median of the first over that of the second."""
    return resampled([values, others], _ratio)


def _difference_of_ranges(values: Values, others: Values, axis: int) -> Values:
    return np.asarray(interquartile_range(values, axis) - interquartile_range(others, axis))


def _deviation(values: Values, axis: int) -> Values:
    return np.asarray(np.std(values, axis=axis, ddof=1))


def _ratio(values: Values, others: Values, axis: int) -> Values:
    return np.asarray(np.median(values, axis=axis) / np.median(others, axis=axis))
