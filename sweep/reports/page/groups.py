"""Summarises curves by the levels of each axis, over all trials, also those that do not travel.

A trial that ended keeps its last loss from there on, so that a median is of the same trials at
every epoch, and does not move because those left are the slow ones. One that diverged counts from
there on as worse than all others.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt16

from sweep.reports.page.curves import FINEST, MISSING, Curves
from sweep.reports.page.levels import Levels
from sweep.reports.page.rounding import rounded

QUANTILES = {"q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}
WORST = MISSING - 1
"""The step of a trial that diverged: above all losses, below what is missing."""
Steps = UInt16[np.ndarray, "points trials"]


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
    steps = curves.steps[:, members]
    has_any = (steps != MISSING).any(axis=0)
    steps, diverged = steps[:, has_any], diverged[has_any]
    n = steps.shape[1]
    training = (steps != MISSING).mean(axis=1) if n else np.zeros(len(steps))
    _carry_on(steps, diverged)
    steps.sort(axis=1, kind="stable")  # a radix sort, of small numbers
    begun = (steps != MISSING).sum(axis=1)
    quantiles = {
        name: rounded(curves.losses(_quantile(steps, begun, share)))
        for name, share in QUANTILES.items()
    }
    told = {"n": n, "epochs": curves.epochs.tolist(), "training": rounded(training)}
    return told | quantiles


def _carry_on(steps: Steps, diverged: Bool[np.ndarray, " trials"]) -> None:
    """Give trials that ended their last step from there on, or the worst."""
    for before, now in pairwise(steps):
        ended = (now == MISSING) & (before != MISSING)
        now[ended] = np.where(diverged[ended], WORST, before[ended])


def _quantile(ascending: Steps, begun: Int64[np.ndarray, " points"], share: float) -> np.ndarray:
    """Return a quantile at each point, between two steps where it lies so; nan if of no loss."""
    place = np.maximum(begun - 1, 0) * share
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    rows = np.arange(len(ascending))
    if not ascending.shape[1]:
        return np.full(len(ascending), np.nan)
    below, above = (ascending[rows, at].astype(np.float64) for at in (low, high))
    found = below + (above - below) * (place - low)
    return np.where((above <= FINEST) & (begun > 0), found, np.nan)
