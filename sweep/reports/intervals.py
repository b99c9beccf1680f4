"""Says how sure a number is. Knows nothing of trials.

Every interval holds the true value in 95 of 100 cases, so far as its method does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from scipy.stats import binomtest, bootstrap

LEVEL = 0.95
RESAMPLES = 2000
AT_ONCE = 1_000_000
"""Values of a group's resamples that are held in memory at a time."""

FEWEST = 3
"""Values below which resampling them says nothing."""

Values = Float64[np.ndarray, " values"]


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; nan where it is not known."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 where the whole interval is on that side of 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's score interval (Wilson 1927)."""

    count: int
    total: int

    @property
    def estimate(self) -> Estimate:
        if not self.total:
            return Estimate(np.nan, np.nan, np.nan)
        interval = binomtest(self.count, self.total).proportion_ci(LEVEL, method="wilson")
        return Estimate(self.count / self.total, float(interval.low), float(interval.high))

    def __str__(self) -> str:
        """Such as `97 of 100 (92% to 99%)`."""
        found = self.estimate
        return f"{self.count:,} of {self.total:,} ({found.low:.0%} to {found.high:.0%})"


def difference_of_shares(first: Share, second: Share) -> Estimate:
    """Return the first share less the second, of independent groups.

    The interval is Newcombe's from those of the shares (Newcombe 1998, method 10), which holds for
    shares of 0 and 1 too.
    """
    a, b = first.estimate, second.estimate
    difference = a.value - b.value
    below = np.hypot(a.value - a.low, b.high - b.value)
    above = np.hypot(a.high - a.value, b.value - b.low)
    return Estimate(difference, float(difference - below), float(difference + above))


def resampled(
    samples: Sequence[Values], statistic: Callable[..., Values], *, paired: bool = False
) -> Estimate:
    """Return a statistic of samples with its percentile bootstrap interval.

    Args:
        samples: the values of each group, all finite.
        statistic: of arrays (…, values), one a group, along their last axis (keyword `axis`).
        paired: whether the samples are of the same things in the same order, drawn together.

    Returns:
        Without an interval where a group has fewer than `FEWEST` values; the same resamples every
        time. With few values the interval is too narrow (Efron and Tibshirani 1993, chapter 13).
    """
    if not all(len(sample) for sample in samples):
        return Estimate(np.nan, np.nan, np.nan)
    value = float(statistic(*samples, axis=-1))
    if min(map(len, samples)) < FEWEST:
        return Estimate(value, np.nan, np.nan)
    found = bootstrap(
        tuple(samples),
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, AT_ONCE // max(map(len, samples))),
        paired=paired,
        confidence_level=LEVEL,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high))


def format_estimate(estimate: Estimate, form: str = ".3g") -> str:
    """Write a number with its interval, as far as they are known: `0.3 (0.1 to 0.5)`."""
    if np.isnan(estimate.value):
        return "-"
    text = format(estimate.value, form)
    if np.isnan(estimate.low):
        return text
    return f"{text} ({format(estimate.low, form)} to {format(estimate.high, form)})"
