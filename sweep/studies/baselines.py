"""Says how low a loss must be to show that something was learnt.

The yardstick is the best constant output, that which ignores its input.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64
from scipy.special import xlog1py, xlogy

from sweep.components.registry import LOSSES
from sweep.datasets import load_data
from sweep.errors import SweepError
from sweep.reports.population import final_losses
from sweep.reports.recorded import recorded_datasets
from sweep.store.places.layout import ResultsDir
from sweep.trial import SAME_LOSS
from sweep.trust import refusing_networks

HALF = 0.5
Targets = Float64[np.ndarray, "samples outputs"]


@dataclass(frozen=True)
class Yardstick:
    """Losses to compare with.

    Attributes:
        constant: that of the best constant output. least: that of outputs equal to their targets.
    """

    constant: float
    least: float

    @property
    def halfway(self) -> float:
        """The loss below which more than half of what there is to learn was learnt."""
        return self.least + HALF * (self.constant - self.least)


def load_targets(directory: ResultsDir, trials: pd.DataFrame) -> dict[str, Targets]:
    """Return the targets of the data that trials were trained on, by fingerprint.

    Data that no recorded sweep file names any more, or that cannot be loaded, are left out.
    """
    found: dict[str, Targets] = {}
    wanted = set(trials["data_fingerprint"].unique())
    with refusing_networks():
        recorded = recorded_datasets(directory, wanted)
    for fingerprint, spec in recorded.items():
        with suppress(SweepError):
            found |= {fingerprint: load_data(spec).targets} if fingerprint in wanted else {}
    return found


def measure_yardstick(targets: Targets, loss: str) -> Yardstick | None:
    """Return the losses to compare with; None for a user's own loss, or where none is bounded."""
    constant = np.broadcast_to(targets.mean(axis=0), targets.shape)
    found = [_loss(targets, outputs, loss) for outputs in (constant, targets)]
    return Yardstick(*found) if np.isfinite(found).all() else None


def thresholds(trials: pd.DataFrame, targets: Mapping[str, Targets]) -> "pd.Series[float]":
    """Return for each trial the loss below which it has learnt; nan if that is not known.

    It is halfway between the losses of the best constant output and of a perfect one.
    """
    kinds = list(trials[list(SAME_LOSS)].itertuples(index=False, name=None))
    known = {kind: _halfway(targets.get(kind[0]), *kind[1:]) for kind in set(kinds)}
    return pd.Series([known[kind] for kind in kinds], trials.index, dtype=np.float64)


def relative_thresholds(trials: pd.DataFrame, settings: Sequence[str]) -> "pd.Series[float]":
    """Return for each trial half the median loss of the worst setting on its data with its loss.

    It stands in for `thresholds` where the data cannot be loaded, and can tell settings apart only
    if the worst of them learns nothing.
    """
    same = list(SAME_LOSS)
    losses = trials.assign(final_loss=final_losses(trials))
    medians = losses.groupby([*same, *settings], dropna=False)["final_loss"].median()
    worst = HALF * medians.groupby(level=same).max()
    return trials[same].join(worst.rename("threshold"), on=same)["threshold"]


def _halfway(targets: Targets | None, loss: str, reduction: str) -> float:
    yardstick = None if targets is None else measure_yardstick(targets, loss)
    if targets is None or yardstick is None:
        return np.nan
    terms = len(targets) if LOSSES[loss].sums_outputs else targets.size
    return yardstick.halfway * (terms if reduction == "sum" else 1)


def _loss(targets: Targets, outputs: Targets, loss: str) -> float:
    """Evaluate a loss as its engines do, but for their clipping; nan where it is not known."""
    if loss == "mean_squared_error":
        return float(np.square(outputs - targets).mean())
    if (targets < 0).any() or (targets > 1).any():
        return np.nan
    if loss == "binary_cross_entropy":
        return float(-(xlogy(targets, outputs) + xlog1py(1 - targets, -outputs)).mean())
    if loss == "categorical_cross_entropy":
        shares = outputs / outputs.sum(axis=1, keepdims=True)
        return float(-xlogy(targets, shares).sum(axis=1).mean())
    return np.nan
