"""Estimates by what epoch trials met their rule, for each level of each axis."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from sweep.reports.false_convergence import COLUMN
from sweep.reports.page.levels import Levels
from sweep.reports.page.rounding import rounded
from sweep.reports.population import has_rule
from sweep.reports.statistics.survival import estimate_survival, outcomes_of

NEEDED = ("status", "stop_reason", "epochs", "fixed_epochs", COLUMN)
MOST_STEPS = 80
MOST_MARKS = 20


def summarise_survival(trials: pd.DataFrame, axes: Iterable[Levels]) -> dict[str, Any]:
    """Return Kaplan and Meier's estimate for each level of each axis; empty without any rule.

    Args:
        trials: those that count, which are the first of those that the page carries.
        axes: the levels to tell them by.

    Returns:
        By axis and level: `n` trials, of which `met` their rule and `censored` did not; `epochs`,
        and the `share` that had met it after each; `marks`, epochs at which some were censored.
    """
    trials = trials[list(NEEDED)]
    ruled = has_rule(trials).to_numpy()
    return {
        axis.axis: {
            level: _survival(trials.iloc[kept])
            for level, members in axis
            if len(kept := members[ruled[members]])
        }
        for axis in axes
        if ruled.any()
    }


def _survival(trials: pd.DataFrame) -> dict[str, Any]:
    outcomes = outcomes_of(trials)
    found = estimate_survival(outcomes)
    met = outcomes["converged"]
    shown = _spread(len(found.epochs), MOST_STEPS)
    marks = np.unique(outcomes["epochs"][~met])
    return {
        "n": len(trials),
        "met": int(met.sum()),
        "censored": int((~met).sum()),
        "epochs": found.epochs[shown].astype(int).tolist(),
        "share": rounded(1 - found.pending[shown]),
        "marks": marks[_spread(len(marks), MOST_MARKS)].astype(int).tolist(),
    }


def _spread(count: int, most: int) -> np.ndarray:
    """Return at most so many places, spread evenly, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)
