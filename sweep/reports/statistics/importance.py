"""Says how much of the variance of a number each axis of a sweep makes, beside what seeds make.

A share is that of an axis with all its interactions (Sobol's total index; Homma and Saltelli 1996):
what of a trial's variance would be gone, on the average, were the axis known last. So shares may
sum to more than 1. Seeds are the noise: what they add to the means of settings is subtracted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float64, Int64

from sweep.reports.statistics.intervals import LEVEL, UNKNOWN, Estimate, quantile_of_normal

DRAWS = 200
MOST_DRAWN = 40_000_000
"""Numbers to draw at most for intervals; fewer draws where there are more settings."""
FEWEST_DRAWS = 50
MOST_NUMBERED = int(np.iinfo(np.int64).max)
FEWEST_FREE = 4
"""Degrees of freedom below which what seeds do is not known."""

Values = Float64[np.ndarray, " trials"]
Means = Float64[np.ndarray, " cells"]
Codes = Int64[np.ndarray, "trials axes"]
CellCodes = Int64[np.ndarray, "cells axes"]


class Method(Enum):
    """How shares were found.

    Attributes:
        EXACT: from the means of all combinations of a full grid, with seeds to tell the noise.
        ADDITIVE: the same for one trial a setting: each axis by itself, and what does not add up
            taken for noise.
        FOREST: by permutation, for trials that a random forest has not seen.
        ALONE: each axis by itself, whatever went along with it.
    """

    EXACT = "exact"
    ADDITIVE = "additive"
    FOREST = "forest"
    ALONE = "alone"


@dataclass(frozen=True)
class Importances:
    """What makes the variance of one trial.

    Attributes:
        method: how it was found.
        shares: of each axis in turn, 0 to 1. alone: of each axis without interactions; nan where
            that is not known.
        seeds: share of the seeds, with ADDITIVE of all that does not add up; nan if not known.
        cells, trials: how many there are.
        explained: of the variance between settings, what a forest knows of settings that it has
            not seen; 1 where all of it is described.
    """

    method: Method
    shares: Sequence[Estimate]
    alone: Sequence[float]
    seeds: float
    cells: int
    trials: int
    explained: float = 1.0


@dataclass(frozen=True)
class Cells:
    """Settings, with what is known of their trials.

    Attributes:
        codes: level of each axis. means: over their trials. counts: of these.
        variances: between the trials of each, without bias; the mean of all where there is one
            trial alone; nan if there is none with several.
        free: degrees of freedom of the variances together.
        error: standard error of the mean variance, the wider of that of normal values and of that
            which the fourth moments tell.
    """

    codes: CellCodes
    means: Means
    counts: Int64[np.ndarray, " cells"]
    variances: Means
    free: int
    error: float

    @property
    def noise(self) -> float:
        """The mean variance between trials of a setting."""
        return float(self.variances.mean())

    @property
    def noise_of_means(self) -> float:
        """The mean variance of the mean of a setting."""
        return float((self.variances / self.counts).mean())

    @property
    def variance(self) -> float:
        """The variance of one trial: between settings, each as likely, and between seeds."""
        between = self.means.var() - self.noise_of_means * (1 - 1 / len(self.means))
        return max(0.0, float(between)) + self.noise


def cells_of(values: Values, codes: Codes) -> Cells:
    """Gather the trials of each combination of levels."""
    number = number_of(codes)
    _, first, place, counts = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    means = np.bincount(place, values) / counts
    squares = np.bincount(place, (values - means[place]) ** 2)
    free = len(values) - len(counts)
    pooled = squares.sum() / free if free else np.nan
    degrees = np.maximum(counts - 1, 1)
    variances = np.where(counts > 1, squares / degrees, pooled)
    fourth = np.bincount(place, (values - means[place]) ** 4) / counts
    told = np.maximum(0.0, fourth - variances**2) / counts
    usual = 2 * variances**2 / degrees
    error = np.sqrt(max(told.sum(), usual.sum())) / len(counts)
    return Cells(codes[first], means, counts, variances, free, float(error))


def number_of(codes: Codes) -> Int64[np.ndarray, " trials"]:
    """Number combinations of levels, alike for alike, in the order of the first axis, then next."""
    number = np.zeros(len(codes), np.int64)
    levels = codes.max(axis=0, initial=0) + 1
    for column, count in zip(codes.T, levels, strict=True):
        number = number * count + column
        if number.max(initial=0) > MOST_NUMBERED // (int(levels.max()) + 1):
            number = np.unique(number, return_inverse=True)[1]
    return number


def is_full(cells: Cells) -> bool:
    """Return whether every combination of the levels of all axes is there."""
    combinations = 1
    for column in cells.codes.T:
        combinations *= int(column.max()) + 1
    return combinations == len(cells.means)


def decompose_grid(cells: Cells, rng: np.random.Generator, level: float = LEVEL) -> Importances:
    """Return the shares of the axes of a full grid.

    Args:
        cells: all combinations of at least one axis, each axis with two levels or more.
        rng: draws the intervals.
        level: of the intervals.
    """
    order = np.lexsort(cells.codes.T[::-1])
    shape = tuple(cells.codes.max(axis=0) + 1)
    table = cells.means[order].reshape(shape)
    if cells.free < FEWEST_FREE:
        return _additive(cells, table, rng, level)
    spread = np.sqrt(cells.variances / cells.counts)[order].reshape(shape)
    mains = _mains(table, cells.noise_of_means) / _total(cells.variance, 0.0)

    def shares(means: Float64[np.ndarray, "..."], noise: float, of_means: float) -> Means:
        between = means.var() - of_means * (1 - 1 / means.size)
        return np.asarray(_totals(means, of_means) / _total(between, noise))

    drawn = []
    for _ in range(_draws(cells)):
        factor = _drawn_noise(cells, rng)
        means = table + spread * rng.standard_normal(shape)
        drawn.append(shares(means, factor * cells.noise, factor * cells.noise_of_means))
    found = shares(table, cells.noise, cells.noise_of_means)
    estimates = _intervals(found, shares(table, cells.noise, 0.0), np.array(drawn), level)
    return Importances(
        Method.EXACT,
        estimates,
        [float(np.clip(share, 0, 1)) for share in mains],
        cells.noise / cells.variance if cells.variance else np.nan,
        len(cells.means),
        int(cells.counts.sum()),
    )


def _additive(
    cells: Cells, table: Float64[np.ndarray, "..."], rng: np.random.Generator, level: float
) -> Importances:
    """Return the shares of the axes by themselves, what does not add up being noise."""
    fitted = np.full(table.shape, table.mean())
    for axis in range(table.ndim):
        fitted = fitted + _level_means(table, axis) - table.mean()
    free = table.size - 1 - sum(size - 1 for size in table.shape)
    count = table.ndim
    if free < FEWEST_FREE:
        unknown = [UNKNOWN] * count
        return Importances(
            Method.ADDITIVE, unknown, [np.nan] * count, np.nan, table.size, int(cells.counts.sum())
        )
    noise = float(((table - fitted) ** 2).sum() / free)

    def shares(means: Float64[np.ndarray, "..."], noise: float, of_means: float) -> Means:
        mains = _mains(means, of_means)
        return np.asarray(mains / _total(np.maximum(mains, 0).sum(), noise))

    drawn = []
    for _ in range(_draws(cells)):
        error = noise * rng.chisquare(free) / free
        drawn.append(
            shares(fitted + np.sqrt(noise) * rng.standard_normal(table.shape), error, error)
        )
    found = shares(fitted, noise, noise)
    estimates = _intervals(found, shares(fitted, noise, 0.0), np.array(drawn), level)
    return Importances(
        Method.ADDITIVE,
        estimates,
        [estimate.value for estimate in estimates],
        float(max(0.0, 1 - np.clip(found, 0, 1).sum())),
        table.size,
        int(cells.counts.sum()),
    )


def decompose_alone(cells: Cells, rng: np.random.Generator, level: float = LEVEL) -> Importances:
    """Return the share of each axis by itself, with all that went along with it.

    Args:
        cells: any settings, some of them with several trials.
        rng: draws the intervals.
        level: of the intervals.
    """
    spread = np.sqrt(cells.variances / cells.counts)
    members = [column == np.arange(column.max() + 1)[:, None] for column in cells.codes.T]
    weights = [rows / rows.sum(axis=1, keepdims=True) for rows in members]

    def shares(means: Means, variances: Means, of_means: Means) -> Means:
        total = means.var() - of_means.mean() * (1 - 1 / len(means))
        found = []
        for rows, weight in zip(members, weights, strict=True):
            sizes = rows.sum(axis=1) / len(means)
            level_means = weight @ means
            between = sizes @ (level_means - means.mean()) ** 2
            bias = sizes @ ((weight**2) @ of_means) - of_means.mean() / len(means)
            found.append(between - bias)
        return np.array(found) / _total(total, variances.mean())

    drawn = []
    for _ in range(_draws(cells)):
        variances = cells.variances * _drawn_noise(cells, rng)
        means = cells.means + spread * rng.standard_normal(len(spread))
        drawn.append(shares(means, variances, variances / cells.counts))
    none = np.zeros(len(spread))
    found = shares(cells.means, cells.variances, cells.variances / cells.counts)
    plain = shares(cells.means, cells.variances, none)
    estimates = _intervals(found, plain, np.array(drawn), level)
    return Importances(
        Method.ALONE,
        estimates,
        [estimate.value for estimate in estimates],
        cells.noise / cells.variance if cells.variance else np.nan,
        len(cells.means),
        int(cells.counts.sum()),
    )


def _total(between: float, noise: float) -> float:
    """Return the variance of one trial, which is above 0."""
    return max(max(0.0, float(between)) + float(noise), np.finfo(float).tiny)


def _totals(means: Float64[np.ndarray, "..."], noise: float) -> Means:
    """Return the variance that each axis makes with its interactions."""
    return np.array(
        [means.var(axis=i).mean() - noise * (1 - 1 / size) for i, size in enumerate(means.shape)]
    )


def _mains(means: Float64[np.ndarray, "..."], noise: float) -> Means:
    """Return the variance that each axis makes by itself."""
    return np.array(
        [
            _level_means(means, i).var() - noise * (size - 1) / means.size
            for i, size in enumerate(means.shape)
        ]
    )


def _level_means(means: Float64[np.ndarray, "..."], axis: int) -> Float64[np.ndarray, "..."]:
    others = tuple(i for i in range(means.ndim) if i != axis)
    return np.asarray(means.mean(axis=others, keepdims=True))


def _draws(cells: Cells) -> int:
    return int(np.clip(MOST_DRAWN // max(1, len(cells.means)), FEWEST_DRAWS, DRAWS))


def _drawn_noise(cells: Cells, rng: np.random.Generator) -> float:
    """Draw what the noise may be found to be, as a multiple of what it is."""
    if not cells.noise:
        return 1.0
    return max(0.0, 1 + cells.error / cells.noise * float(rng.standard_normal()))


def _intervals(
    found: Means, true: Means, drawn: Float64[np.ndarray, "draws axes"], level: float
) -> list[Estimate]:
    """Return estimates with intervals, from draws around a truth that is known.

    What is drawn has the bias and the spread of what was found.
    """
    bias, half = drawn.mean(axis=0) - true, quantile_of_normal(level) * drawn.std(axis=0, ddof=1)
    centre = found - bias
    return [
        Estimate(*(float(np.clip(x, 0, 1)) for x in (value, middle - width, middle + width)))
        for value, middle, width in zip(found, centre, half, strict=True)
    ]
