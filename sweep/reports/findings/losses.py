"""Prepares losses for findings: on a logarithmic scale, comparable, with the axes as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from sweep.reports.objective import objective_of
from sweep.reports.population import has_ended, where
from sweep.reports.statistics.forest import Feature
from sweep.reports.statistics.importance import Cells, cells_of
from sweep.trial import SAME_LOSS, Status

DATA = "dataset"


@dataclass(frozen=True)
class Losses:
    """Losses of the trials that have one, and where each trial stands on each axis.

    Attributes:
        trials: their rows.
        values: log10 of the loss, less the mean of the trials with the same data and loss function.
        names: of the axes that vary among trials with the same data and loss function.
        codes: level of each axis. levels: the value of each level as a number, nan for none.
        untold: axes that vary with the data or the loss function alone.
        floored: how many losses are 0 or below, and count as the least above it.
        worst: how many trials diverged, and count as the worst that did not.
        left_out: how many were pruned or have no loss.
    """

    trials: pd.DataFrame
    values: Float64[np.ndarray, " trials"]
    names: Sequence[str]
    codes: Int64[np.ndarray, "trials axes"]
    levels: Sequence[Float64[np.ndarray, " levels"]]
    untold: Sequence[str]
    floored: int
    worst: int
    left_out: int

    def cells(self) -> Cells:
        """Return the settings."""
        return cells_of(self.values, self.codes)

    def features(self, cells: Cells) -> list[Feature]:
        """Return the axes as a forest sees them; an option goes along with what it is of."""
        return [
            Feature(
                levels[cells.codes[:, place]],
                [
                    other
                    for other, option in enumerate(self.names)
                    if option.startswith(f"{name}_") and np.isnan(self.levels[other]).any()
                ],
            )
            for place, (name, levels) in enumerate(zip(self.names, self.levels, strict=True))
        ]


def losses_by_axis(trials: pd.DataFrame, factors: Sequence[str]) -> Losses:
    """Return the losses of trials that count, by the parameters that tell settings apart."""
    loss = objective_of(trials)
    diverged = (trials["status"] == Status.DIVERGED) | (has_ended(trials) & np.isinf(loss))
    known = (has_ended(trials) & loss.notna()) | diverged
    kept, loss, diverged = where(trials, known), loss[known], diverged[known]
    data = kept.groupby(list(SAME_LOSS), dropna=False, sort=False).ngroup().to_numpy(np.int64)
    values = _comparable(loss.mask(diverged).to_numpy(np.float64), data)
    names, columns, levels, untold = [], [], [], []
    for name in factors:
        codes, numbers = _encoded(kept[name])
        if len(numbers) < 2:
            continue
        if name == DATA or _follows(codes, data):
            untold.append(name)
            continue
        names.append(name)
        columns.append(codes)
        levels.append(numbers)
    table = np.column_stack(columns) if columns else np.zeros((len(kept), 0), np.int64)
    return Losses(
        *(kept, values, names, table, levels, untold),
        floored=int((loss <= 0).sum()),
        worst=int(diverged.sum()),
        left_out=int((~known).sum()),
    )


def _comparable(
    loss: Float64[np.ndarray, " trials"], data: Int64[np.ndarray, " trials"]
) -> Float64[np.ndarray, " trials"]:
    """Return log10, a loss of 0 as the least above it, nan as the worst, less the data's mean."""
    positive = loss[loss > 0]
    least = positive.min() if len(positive) else 1.0
    logs = pd.Series(np.log10(np.where(loss > 0, loss, np.where(loss <= 0, least, np.nan))))
    logs = logs.fillna(logs.groupby(data).transform("max")).fillna(0.0)
    return (logs - logs.groupby(data).transform("mean")).to_numpy(np.float64)


def _encoded(
    values: "pd.Series[Any]",
) -> tuple[Int64[np.ndarray, " trials"], Float64[np.ndarray, " levels"]]:
    """Return the level of each trial, and levels as numbers: ascending, what is missing last."""
    codes, known = pd.factorize(values, sort=True)
    numeric = pd.api.types.is_numeric_dtype(known.dtype)
    numbers = np.asarray(known, np.float64) if numeric else np.arange(len(known), dtype=np.float64)
    if (codes < 0).any():
        codes, numbers = np.where(codes < 0, len(numbers), codes), np.append(numbers, np.nan)
    return codes.astype(np.int64), numbers


def _follows(codes: Int64[np.ndarray, " trials"], data: Int64[np.ndarray, " trials"]) -> bool:
    """Return whether the data say the level, so that its losses compare with no other's."""
    if not data.any():
        return False
    first = np.unique(data, return_index=True)[1]
    return bool((codes == codes[first][data]).all())
