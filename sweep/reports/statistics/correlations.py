"""Correlates two columns of numbers, with intervals."""

import numpy as np
from jaxtyping import Float64
from scipy.stats import rankdata
from scipy.stats import t as student

from sweep.reports.statistics.intervals import LEVEL, Estimate, Values, quantile_of_normal

FEWEST = 8
"""Values below which a coefficient has no interval."""
LARGEST = 1 - 1e-15
"""Of a coefficient, where it has a finite logarithm of odds still."""


def pearson(x: Values, y: Values, level: float = LEVEL) -> Estimate:
    """Return the linear correlation, -1 to 1.

    Its interval is the wider of Fisher's, right for normal values, and of the jackknife's on the
    scale of Fisher's z, which takes into account how the values lie (Miller 1974).

    Args:
        x: at least 2 values, not all the same.
        y: as many.
        level: of the interval.
    """
    value, others = _leave_one_out(x, y)
    n = len(x)
    z = np.arctanh(np.clip(others, -LARGEST, LARGEST))
    return _interval(value, n, 1.0, np.sqrt((n - 1) * z.var()), level)


def spearman(x: Values, y: Values, level: float = LEVEL) -> Estimate:
    """Return the correlation of the ranks, -1 to 1.

    Its interval is the wider of Bonett and Wright's (2000), right where the values would be normal
    on another scale, and of that from the influence of each point on the coefficient.
    """
    ranks, others = rankdata(x), rankdata(y)
    value, _ = _leave_one_out(ranks, others)
    n = len(x)
    f, g = (ranks - 0.5) / n, (others - 0.5) / n
    influence = f * g + _mean_above(x, g) + _mean_above(y, f)
    error = influence.std(ddof=1) / (f.std() * g.std() * np.sqrt(n))
    measured = error / max(1 - value**2, 1 - LARGEST)
    return _interval(value, n, 1 + value**2 / 2, measured, level)


def _interval(value: float, n: int, variance: float, measured: float, level: float) -> Estimate:
    """Return the wider interval of two standard errors of Fisher's z; none for -1 and 1.

    Args:
        value: the coefficient.
        n: of how many values.
        variance: of z, times n - 3, where the values are normal.
        measured: standard error as these values have it.
        level: of the interval.
    """
    if n < FEWEST or abs(value) >= LARGEST:
        return Estimate(value)
    usual = quantile_of_normal(level) * np.sqrt(variance / (n - 3))
    half = max(usual, student.ppf((1 + level) / 2, n - 1) * measured)
    z = np.arctanh(value)
    return Estimate(value, float(np.tanh(z - half)), float(np.tanh(z + half)))


def _leave_one_out(x: Values, y: Values) -> tuple[float, Values]:
    """Return the linear correlation of all, and those without each point in turn."""
    x, y = x - x.mean(), y - y.mean()
    squares, others, products = x @ x, y @ y, x @ y
    more = len(x) / (len(x) - 1)  # by which leaving a point out shifts the mean as well
    norms = (squares - more * x * x) * (others - more * y * y)
    shares = np.zeros_like(x)
    np.divide(products - more * x * y, np.sqrt(norms), out=shares, where=norms > 0)
    return float(products / np.sqrt(squares * others)), shares


def _mean_above(order: Values, weights: Values) -> Values:
    """Return for each point the mean over all of the weights that lie above it, of equals half."""
    ranked = np.argsort(order, kind="stable")
    above: Float64[np.ndarray, " sums"] = np.append(np.cumsum(weights[ranked][::-1])[::-1], 0.0)
    first, last = (np.searchsorted(order[ranked], order, side) for side in ("left", "right"))
    return np.asarray((above[first] + above[last]) / (2 * len(order)))
