"""Finds importances by permutation, for settings that a random forest has not seen.

For searches and grids that lack combinations. A forest (Breiman 2001) learns half of the settings.
By how much its squared error on the other half grows once the values of an axis are shuffled among
them is, halved, the share of the axis with its interactions (Fisher, Rudin and Dominici 2019). That
is done for many halvings, whose spread gives the interval (Nadeau and Bengio 2003).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from sweep.reports.statistics.importance import Cells, Importances, Method
from sweep.reports.statistics.intervals import LEVEL, Estimate

HALVINGS = 20
TREES = 40
MOST_CELLS = 1000
"""Settings that are looked at; of more, so many drawn at random."""
FEWEST_CELLS = 24
"""Settings below which a forest has nothing to learn from."""


@dataclass(frozen=True)
class Feature:
    """An axis as a forest sees it.

    Attributes:
        values: of each setting; nan where the axis does not apply.
        options: places of the axes that go along with it, as an activation's slope.
    """

    values: Float64[np.ndarray, " cells"]
    options: Sequence[int] = ()


def decompose_by_forest(
    cells: Cells, features: Sequence[Feature], rng: np.random.Generator, level: float = LEVEL
) -> Importances:
    """Return the shares of the axes.

    Args:
        cells: at least `FEWEST_CELLS`.
        features: of each axis, in the order of the shares. An axis is shuffled among the settings
            that it applies to.
        rng: chooses settings, halves and orders.
        level: of the intervals.
    """
    from scipy.stats import t as student
    from sklearn.ensemble import RandomForestRegressor

    chosen = np.arange(len(cells.means))
    if len(chosen) > MOST_CELLS:
        chosen = np.sort(rng.choice(chosen, MOST_CELLS, replace=False))
    table = np.column_stack([feature.values[chosen] for feature in features])
    means = cells.means[chosen]
    half = len(chosen) // 2
    drops, errors = np.zeros((HALVINGS, len(features))), np.zeros(HALVINGS)
    for number in range(HALVINGS):
        order = rng.permutation(len(chosen))
        known, unseen = order[:half], order[half:]
        forest = RandomForestRegressor(TREES, random_state=int(rng.integers(2**31)))
        forest.fit(_filled(table)[known], means[known])
        copies = [table[unseen], *_shuffled(table[unseen], features, rng)]
        told = forest.predict(_filled(np.concatenate(copies))).reshape(len(copies), -1)
        squares = ((told - means[unseen]) ** 2).mean(axis=1)
        errors[number], drops[number] = squares[0], (squares[1:] - squares[0]) / 2
    variance = means.var()
    total = variance - cells.noise_of_means + cells.noise if cells.free else variance
    shares = drops / max(total, np.finfo(float).tiny)
    error = shares.std(axis=0, ddof=1) * np.sqrt(1 / HALVINGS + (len(chosen) - half) / half)
    width = student.ppf((1 + level) / 2, HALVINGS - 1) * error
    estimates = [
        Estimate(*(float(np.clip(x, 0, 1)) for x in (share, share - side, share + side)))
        for share, side in zip(shares.mean(axis=0), width, strict=True)
    ]
    return Importances(
        Method.FOREST,
        estimates,
        [np.nan] * len(features),
        cells.noise / total if cells.free and total > 0 else np.nan,
        len(cells.means),
        int(cells.counts.sum()),
        explained=float(np.clip(1 - errors.mean() / variance, 0, 1)) if variance else 0.0,
    )


def _shuffled(
    table: Float64[np.ndarray, "cells axes"],
    features: Sequence[Feature],
    rng: np.random.Generator,
) -> list[Float64[np.ndarray, "cells axes"]]:
    """Return a copy an axis, in which its values and those of its options are shuffled."""
    copies = []
    for place, feature in enumerate(features):
        copy = table.copy()
        applies = np.flatnonzero(~np.isnan(table[:, place])) if not feature.options else None
        rows: Int64[np.ndarray, " rows"] = np.arange(len(table)) if applies is None else applies
        order = rng.permutation(rows)
        for column in (place, *feature.options):
            copy[rows, column] = table[order, column]
        copies.append(copy)
    return copies


def _filled(table: Float64[np.ndarray, "cells axes"]) -> Float64[np.ndarray, "cells axes"]:
    """Return the table with a value of their own, below all others, for those that do not apply."""
    least = np.nanmin(np.where(np.isnan(table), np.inf, table), axis=0)
    return np.where(np.isnan(table), np.where(np.isfinite(least), least, 0.0) - 1.0, table)
