"""Where rungs lie, and which of those judged together go on from one. Knows nothing of trials."""

from collections.abc import Callable
from math import floor

import numpy as np
from jaxtyping import Bool, Float64, Int64

from sweep.config.scheduler import Hyperband, Median, Rungs
from sweep.engines.state import curve_epochs

Values = Float64[np.ndarray, "settings rungs"]
"""The loss of each setting at each rung so far, inf for one that has none any more."""
Passing = Callable[[Values, int], Bool[np.ndarray, " settings"]]
"""Says who goes on from the last of these rungs, of so many settings at the first of them."""

ROUNDING = 1e-9


def rung_epochs(first: int, eta: float, limit: int) -> Int64[np.ndarray, " rungs"]:
    """Return the epochs of rungs below `limit`, ascending.

    Each is the epoch nearest to first * eta^k, by their ratio, of those whose loss every curve
    keeps: what a trial was worth at a rung is then known for good, however far it trains on.

    Args:
        first: epochs of the first rung, before it is moved to the nearest.
        eta: how many times as far the next is.
        limit: epochs at which all trials have ended.
    """
    kept = curve_epochs()
    count = max(0, 1 + floor(np.log(max(limit, 1) / first) / np.log(eta) + ROUNDING))
    wanted = first * eta ** np.arange(count)
    distances = np.abs(np.log(kept[None, :]) - np.log(wanted[:, None]))
    nearest = np.unique(kept[distances.argmin(axis=1)]) if count else np.zeros(0, np.int64)
    return np.asarray(nearest[nearest < limit])


def best_share(eta: float) -> Passing:
    """Return the rule that from the j-th rung, counted from 1, the best of n / eta^j go on.

    At least one does. Of equals the first in the order of the plan go on; an infinite loss never
    does. This is successive halving (Jamieson and Talwalkar 2016).
    """

    def passing(values: Values, n_settings: int) -> Bool[np.ndarray, " settings"]:
        last = values[:, -1]
        share = n_settings / eta ** values.shape[1]
        kept = np.argsort(last, kind="stable")[: max(1, floor(share + ROUNDING))]
        chosen = np.zeros(len(last), bool)
        chosen[kept] = True
        return np.asarray(chosen & np.isfinite(last))

    return passing


def above_median(values: Values, n_settings: int) -> Bool[np.ndarray, " settings"]:
    """Return which settings go on by the median rule.

    One stops if its best loss at the rungs so far is above the median, over those at this rung, of
    their mean loss at the rungs so far (Golovin et al. 2017, section 3.2.2).
    """
    if not len(values):
        return np.zeros(0, bool)
    best, means = values.min(axis=1), values.mean(axis=1)
    return np.asarray(np.isfinite(best) & (best <= np.median(means)))


def rule_of(scheduler: Rungs) -> Passing:
    """Return the rule by which settings go on."""
    return above_median if isinstance(scheduler, Median) else best_share(scheduler.eta)


def first_rungs(
    scheduler: Rungs, places: Float64[np.ndarray, " settings"], n_rungs: int
) -> Int64[np.ndarray, " settings"]:
    """Return the first rung at which each setting is judged, `n_rungs` for none.

    The brackets of hyperband get shares in which each costs about as many epochs as any other:
    eta^s / (s + 1) for one with s rungs (Li et al. 2018, algorithm 1).

    Args:
        scheduler: as asked for.
        places: of each setting, a number in [0, 1) that decides its bracket.
        n_rungs: how many rungs there are.
    """
    if not isinstance(scheduler, Hyperband):
        return np.zeros(len(places), np.int64)
    n_brackets = min(scheduler.brackets or n_rungs + 1, n_rungs + 1)
    left = n_rungs - np.arange(n_brackets)
    shares = scheduler.eta**left / (left + 1)
    ends = np.cumsum(shares) / shares.sum()
    return np.asarray(np.searchsorted(ends[:-1], places, side="right"))
