"""Says how sure a number is: the parts that all intervals share, and those of shares.

An interval of a level holds the true value in that share of cases or more. How often each does is
measured by `tests/test_coverage.py`; where a method would hold it less often, there is no interval.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

LEVEL = 0.95

Values = Float64[np.ndarray, " values"]

if TYPE_CHECKING:
    BySeed = pd.Series[float]
else:
    BySeed = pd.Series
"""A value a trial, under its seed."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; nan where it is not known."""

    value: float
    low: float = np.nan
    high: float = np.nan

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval is on that side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def map(self, function: Callable[[float], float]) -> "Estimate":
        """Return it on another scale, by a function that increases."""
        return Estimate(*(float(function(x)) for x in (self.value, self.low, self.high)))

    def times(self, factor: float) -> "Estimate":
        """Return it in another unit; the factor is positive."""
        return self.map(lambda x: factor * x)


UNKNOWN = Estimate(np.nan)


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's score interval (Wilson 1927)."""

    count: int
    total: int

    @classmethod
    def of(cls, holds: "pd.Series[Any]") -> "Share":
        """Count those for which something holds, told by true and false, or 1 and 0."""
        return cls(int(holds.sum()), len(holds))

    def __bool__(self) -> bool:
        """Whether it is of anything."""
        return self.total > 0

    @property
    def estimate(self) -> Estimate:
        return self.at(LEVEL)

    def at(self, level: float) -> Estimate:
        """Return the share with its interval of that level."""
        if not self.total:
            return UNKNOWN
        return Estimate(self.count / self.total, *_wilson(self.count, self.total, level))

    def __str__(self) -> str:
        """Such as `97 of 100 (92% to 99%)`."""
        found = self.estimate
        return f"{self.count:,} of {self.total:,} ({found.low:.0%} to {found.high:.0%})"


@cache
def _wilson(count: int, total: int, level: float) -> tuple[float, float]:
    from scipy.stats import binomtest  # which takes half a second to import

    interval = binomtest(count, total).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def corrected(comparisons: int) -> float:
    """Return the level of each of so many intervals that hold together at `LEVEL` (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(1, comparisons)


def describe_level(comparisons: int) -> str:
    """Say what level intervals have that hold together, as a sentence."""
    if comparisons < 2:
        return f"Intervals are of {LEVEL:.0%}."
    each = f"{100 * corrected(comparisons):.4g}%"
    return (
        f"The {comparisons:,} intervals hold together in {LEVEL:.0%} of cases, for which each is "
        f"of {each} (Bonferroni)."
    )


def quantile_of_normal(level: float) -> float:
    """Return how many standard errors an interval of that level goes to either side."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Return the first less the second, of independent groups, from their intervals.

    The squares of the distances to the limits add, which lets an interval be as lopsided as those
    that it is made of (Zou and Donner 2008).
    """
    value = first.value - second.value
    below = np.hypot(first.value - first.low, second.high - second.value)
    above = np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, float(value - below), float(value + above))


def difference_of_shares(first: Share, second: Share, level: float = LEVEL) -> Estimate:
    """Return the first share less the second, of independent groups.

    The interval is Newcombe's (1998, method 10), which holds for shares of 0 and 1 too.
    """
    return difference(first.at(level), second.at(level))


def difference_of_pairs(
    differences: Int64[np.ndarray, " things"], level: float = LEVEL
) -> Estimate:
    """Return the first share less the second, both of the same things.

    The interval is that of Bonett and Price (2012), with half a success and half a failure more in
    each share.

    Args:
        differences: for each thing 1 where it counts in the first share alone, -1 where in the
            second alone, else 0.
        level: of the interval.
    """
    n = len(differences)
    if not n:
        return UNKNOWN
    more, less = ((int((differences == side).sum()) + 1) / (n + 2) for side in (1, -1))
    half = quantile_of_normal(level) * np.sqrt((more + less - (more - less) ** 2) / (n + 2))
    low, high = max(-1.0, more - less - half), min(1.0, more - less + half)
    return Estimate(float(differences.mean()), float(low), float(high))


def share_seeds(first: BySeed, second: BySeed) -> bool:
    """Return whether two groups pair by seed: no seed twice, and more than half in both."""
    if not (first.index.is_unique and second.index.is_unique):
        return False
    both = len(first.index.intersection(second.index))
    return 2 * both > max(len(first), len(second))


def by_seed(first: BySeed, second: BySeed) -> Int64[np.ndarray, " seeds"]:
    """Return for each seed in both 1 where the first is greater, -1 where it is less, else 0."""
    both = pd.concat([first, second], axis=1, join="inner").to_numpy(np.float64)
    return (both[:, 0] > both[:, 1]).astype(np.int64) - (both[:, 0] < both[:, 1])


def difference_by_seed(first: BySeed, second: BySeed, level: float = LEVEL) -> Estimate:
    """Return a share less another, of 1 and 0 by seed: in pairs where both have the same seeds."""
    if share_seeds(first, second):
        return difference_of_pairs(by_seed(first, second), level)
    return difference_of_shares(Share.of(first), Share.of(second), level)


def spread(values: "pd.Series[float]") -> Estimate:
    """Return the median of what is known and finite, between its quartiles; nan if nothing is."""
    known = values.dropna().astype("float64")
    known = known[np.isfinite(known)]
    lower, middle, upper = (float(known.quantile(share)) for share in (0.25, 0.5, 0.75))
    return Estimate(middle, lower, upper)


def format_estimate(estimate: Estimate, form: str = ".3g") -> str:
    """Write a number with its interval, as far as they are known: `0.3 (0.1 to 0.5)`."""
    if np.isnan(estimate.value):
        return "-"
    text = format(estimate.value, form)
    if np.isnan(estimate.low):
        return text
    return f"{text} ({format(estimate.low, form)} to {format(estimate.high, form)})"
