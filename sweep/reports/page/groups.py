"""Summarises curves by the levels of each axis, over all trials, also those that do not travel.

A trial that ended keeps its last loss from there on, so that a median is of the same trials at
every epoch, and does not move because those left are the slow ones. One that diverged counts from
there on as worse than all others.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt16

from sweep.reports.page.curves import FINEST, MISSING, Curves
from sweep.reports.page.levels import Levels
from sweep.reports.page.rounding import rounded

QUANTILES = {"q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}
WORST = MISSING - 1
"""The step of a trial that diverged: above all losses, below what is missing."""
Steps = UInt16[np.ndarray, " trials"]


def summarise_curves(
    curves: Sequence[Curves], axes: Iterable[Levels], diverged: Bool[np.ndarray, " trials"]
) -> dict[str, Any]:
    """Return quantiles of each quantity by epoch, for each level of each axis.

    Args:
        curves: of all trials.
        axes: the levels to tell them by.
        diverged: which trials did.

    Returns:
        By axis, level and quantity: `n`, how many trials have any value; `epochs`; at each of
        these `training`, the share of them that has not ended, and the quantiles `q10` to `q90`,
        null where one is of trials that diverged, or too few have begun.
    """
    return {
        axis.axis: {
            level: {one.name: _summary(one, members, diverged[members]) for one in curves}
            for level, members in axis
        }
        for axis in axes
    }


def _summary(
    curves: Curves, members: Int64[np.ndarray, " n"], diverged: Bool[np.ndarray, " n"]
) -> dict[str, Any]:
    before = np.full(len(members), MISSING, np.uint16)
    known = np.zeros(len(members), bool)
    counts, rows = [], []
    for row in curves.steps:  # one at a time: a copy of all might take half of the memory
        now = row[members]
        has_value = now != MISSING
        known |= has_value
        counts.append(int(has_value.sum()))
        _carry_on(before, now, diverged)
        before = now
        ascending = np.sort(now, kind="stable")  # a radix sort, of small numbers
        begun = int(np.searchsorted(ascending, MISSING))
        rows.append([_quantile(ascending, begun, share) for share in QUANTILES.values()])
    n = int(known.sum())
    losses = curves.losses(np.array(rows)).T
    return {
        "n": n,
        "epochs": curves.epochs.tolist(),
        "training": rounded(np.array(counts) / max(n, 1)),
        **{name: rounded(values) for name, values in zip(QUANTILES, losses, strict=True)},
    }


def _carry_on(before: Steps, now: Steps, diverged: Bool[np.ndarray, " trials"]) -> None:
    """Give trials that ended their last step from there on, or the worst."""
    ended = (now == MISSING) & (before != MISSING)
    now[ended] = np.where(diverged[ended], WORST, before[ended])


def _quantile(ascending: Steps, begun: int, share: float) -> float:
    """Return a quantile of the first, between two steps where it lies so; nan if of no loss."""
    if not begun:
        return np.nan
    place = (begun - 1) * share
    low, high = math.floor(place), math.ceil(place)
    below, above = float(ascending[low]), float(ascending[high])
    return below + (above - below) * (place - low) if above <= FINEST else np.nan
