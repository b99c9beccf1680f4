"""Estimates quantiles, and what is made of them, by the order of the values alone.

The interval of a quantile runs from one value of the sample to another: which ones follows from the
binomial distribution, whatever that of the values (Conover 1999, section 3.2). So it is exact, and
none where the sample is too small: below 6 values for a median, 13 for a quartile, at 95%.
"""

from functools import cache

import numpy as np
from jaxtyping import Float64

from sweep.reports.statistics.intervals import (
    LEVEL,
    UNKNOWN,
    Estimate,
    Values,
    difference,
    quantile_of_normal,
)

Others = Float64[np.ndarray, " others"]

FEWEST_RANKED = 5
"""Values below which no interval of `probability_less` holds."""
NEAR = 1e-9
"""Of a probability to 0 or 1, where an equation has a solution that says nothing."""


def quantile(values: Values, share: float, level: float = LEVEL) -> Estimate:
    """Return a quantile with its exact interval; nan without values."""
    if not len(values):
        return UNKNOWN
    value, places = float(np.quantile(values, share)), _places(len(values), share, level)
    if places is None:
        return Estimate(value)
    low, high = np.sort(values)[list(places)]
    return Estimate(value, float(low), float(high))


def median(values: Values, level: float = LEVEL) -> Estimate:
    """Return the median with its exact interval; nan without values."""
    return quantile(values, 0.5, level)


def interquartile_range(values: Values, level: float = LEVEL) -> Estimate:
    """Return the third quartile less the first.

    The two are not independent, but go together, which makes the interval wider than it need be.
    """
    if not len(values):
        return UNKNOWN
    found = difference(quantile(values, 0.75, level), quantile(values, 0.25, level))
    return Estimate(found.value, float(np.maximum(found.low, 0.0)), found.high)


def ratio_of_medians(values: Values, others: Others, level: float = LEVEL) -> Estimate:
    """Return the median of the first over that of the second, of independent groups above 0."""
    if not len(values) or not len(others):
        return UNKNOWN
    logs = [median(sample, level).map(np.log) for sample in (values, others)]
    return difference(*logs).map(np.exp)


def median_ratio(values: Values, others: Values, level: float = LEVEL) -> Estimate:
    """Return the median of the ratios of two groups above 0, which pair in their order."""
    return median(values / others, level)


def probability_less(values: Values, others: Others, level: float = LEVEL) -> Estimate:
    """Return the probability that one of the first is less than one of the second, ties half.

    It is Mann and Whitney's U over all pairs. The interval is the wider of two: that of Newcombe
    (2006, method 5), good where groups hardly overlap, and that of Brunner and Munzel (2000) on the
    scale of log odds, good where they differ in spread.
    """
    m, n = len(values), len(others)
    if not m or not n:
        return UNKNOWN
    less = (values[:, None] < others) + 0.5 * (values[:, None] == others)
    share = float(less.mean())
    if min(m, n) < FEWEST_RANKED:
        return Estimate(share)
    low, high = _newcombe(share, m, n, level)
    if found := _brunner_munzel(less, level):
        low, high = min(low, found[0]), max(high, found[1])
    return Estimate(share, low, high)


def _places(n: int, share: float, level: float) -> tuple[int, int] | None:
    """Return which of n ascending values, from 0, bound a quantile; None if they are too few."""
    low, high = (
        _quantile_of_binomial(tail, n, share) for tail in ((1 - level) / 2, (1 + level) / 2)
    )
    return (low - 1, high) if low > 0 and high < n else None


@cache
def _quantile_of_binomial(probability: float, n: int, share: float) -> int:
    """Return the least count that is not exceeded with a probability, as SciPy's `binom.ppf`.

    SciPy's distributions take half a second to import, and this a fifth.
    """
    from scipy.special import bdtr, bdtrik

    above = int(np.ceil(bdtrik(probability, n, share)))
    below = max(above - 1, 0)
    return below if bdtr(below, n, share) >= probability else above


def _newcombe(share: float, m: int, n: int, level: float) -> tuple[float, float]:
    """Return the probabilities from which the share found is just as far as the level allows."""
    from scipy.optimize import brentq

    z, size = quantile_of_normal(level), (m + n) / 2 - 1

    def beyond(p: float) -> float:
        spread = 1 + size * (1 - p) / (2 - p) + size * p / (1 + p)
        return (share - p) ** 2 - z * z * p * (1 - p) * spread / (m * n)

    low = 0.0 if share == 0 else brentq(beyond, 0.0, min(share, 1 - NEAR))
    high = 1.0 if share == 1 else brentq(beyond, max(share, NEAR), 1.0)
    return low, high


def _brunner_munzel(
    less: Float64[np.ndarray, "values others"], level: float
) -> tuple[float, float] | None:
    """Return the interval from how each value fares against all others; None if all fare alike."""
    from scipy.special import expit, logit
    from scipy.stats import t as student

    m, n = less.shape
    share = less.mean()
    first, second = less.mean(axis=1).var(ddof=1) / m, less.mean(axis=0).var(ddof=1) / n
    variance = first + second
    if not variance:
        return None
    freedom = variance**2 / (first**2 / (m - 1) + second**2 / (n - 1))
    half = student.ppf((1 + level) / 2, freedom) * np.sqrt(variance) / (share * (1 - share))
    return float(expit(logit(share) - half)), float(expit(logit(share) + half))
