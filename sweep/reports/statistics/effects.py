"""Finds what the levels of an axis can do, whatever the hopeless settings at them do."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sweep.reports.axes import Axis
from sweep.reports.objective import objective_of
from sweep.reports.settings import settings_of
from sweep.trial import Status

QUARTER = 0.25
FEWEST_SETTINGS = 4
"""Settings at a level below which a quarter of them is no setting."""


def best_quarters(trials: pd.DataFrame, axes: Sequence[Axis]) -> Mapping[str, Mapping[str, float]]:
    """Return for each level of each axis the median loss of its best quarter of settings.

    A setting is all that varies but the seed, and has the median loss over its seeds: what a level
    can do where the rest is well chosen, which the settings that learn nothing at any level hide in
    a median over all. Levels with fewer than `FEWEST_SETTINGS` settings are left out, and axes with
    fewer than two levels left, which tell nothing.
    """
    settings = settings_of(trials)["median"]
    found = {}
    for axis in axes:
        levels = settings.groupby(axis.levels.loc[settings.index])
        medians = {str(level): _best_quarter(losses) for level, losses in levels}
        known = {v: medians[v] for v in axis.order if np.isfinite(medians.get(v, np.nan))}
        found[axis.name] = known if len(known) > 1 else {}
    return found


def crossed(trials: pd.DataFrame, rows: Axis, columns: Axis) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the median loss of the trials at each pair of levels, and how many they are.

    Trials that diverged count as an infinite loss; a pair without trials is nan, and 0.
    """
    diverged = trials["status"] == Status.DIVERGED
    loss = objective_of(trials).mask(diverged, np.inf)
    known = loss[loss.notna()]
    pairs = known.groupby([rows.levels.loc[known.index], columns.levels.loc[known.index]])
    medians, counts = (
        pd.DataFrame(found.unstack()).reindex(index=rows.order, columns=columns.order)
        for found in (pairs.median(), pairs.size())
    )
    return medians, counts.fillna(0).astype(int)


def _best_quarter(losses: "pd.Series[float]") -> float:
    if len(losses) < FEWEST_SETTINGS:
        return float("nan")
    best = np.sort(losses.to_numpy(np.float64))[: int(np.ceil(QUARTER * len(losses)))]
    middle = (len(best) - 1) // 2, len(best) // 2
    return float(np.mean(best[list(middle)]))
