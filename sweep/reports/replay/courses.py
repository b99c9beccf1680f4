"""How far each setting of a table can come under a scheduler or a rule, and what that costs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float64, Int64

from sweep.config.scheduler import Rungs
from sweep.errors import StoreError
from sweep.ladder import Rung
from sweep.reports.replay.replayable import OUTCOMES, Scale
from sweep.scheduling.rungs import rung_epochs
from sweep.scheduling.settings import Members
from sweep.scheduling.values import lacking_at, values_at

Settled = Float64[np.ndarray, " settings"]


@dataclass(frozen=True)
class Courses:
    """How far each setting can come, and what that costs.

    Attributes:
        values: at each rung; no rungs where each setting ends by its own rule.
        costs: epochs of its trials up to each rung, and to the end, in the last column.
        whole: epochs of its trials as they were trained.
        ends: what it comes to at its end by the rule. finals: what it came to.
        places: of each setting.
    """

    values: Float64[np.ndarray, "settings rungs"]
    costs: Float64[np.ndarray, "settings ends"]
    whole: Settled
    ends: Settled
    finals: Settled
    places: Settled

    def take(
        self, rows: Int64[np.ndarray, " drawn"], places: Float64[np.ndarray, " drawn"]
    ) -> "Courses":
        """Return these settings, in this order."""
        drawn = {name: array[rows] for name, array in vars(self).items()}
        return Courses(**drawn | {"places": places})


def courses_of(scale: Scale, scheduler: Rungs) -> Courses:
    """Return how far each setting can come under a scheduler."""
    epochs = scale.epochs()
    limit = int(scale.trials["max_epochs"].max())
    rungs = rung_epochs(scheduler.first_rung, scheduler.eta, limit)
    ends = np.append(rungs, np.inf)
    costs = scale.before()[:, None] + np.minimum(epochs[:, None], ends)
    finals = _medians(scale, scale.finals(scale.metric)[:, None])[:, 0]
    return Courses(
        values=_medians(scale, _values(scale, rungs, scheduler.metric or scale.metric)),
        costs=np.stack([_sums(scale, column) for column in costs.T], axis=1),
        whole=_sums(scale, scale.before() + epochs),
        ends=finals,
        finals=finals,
        places=scale.places,
    )


def courses_by_rule(scale: Scale, ladder: pd.DataFrame, rung: Rung) -> Courses:
    """Return how far each setting comes if a rule of the ladder ends its trials.

    Args:
        scale: the trials.
        ladder: rows of the table `ladder`.
        rung: the rule.
    """
    own = (ladder["tolerance"] == rung.tolerance) & (ladder["patience"] == rung.patience)
    met = ladder[own].set_index("trial_id")[["epoch", "loss"]].reindex(scale.trials["trial_id"])
    epochs, finals = scale.epochs(), scale.finals(rung.monitor)
    sooner = met["epoch"].to_numpy(np.float64) < epochs
    ends = np.where(sooner, met["loss"].to_numpy(np.float64), finals)
    costs = scale.before() + np.where(sooner, met["epoch"].to_numpy(np.float64), epochs)
    return Courses(
        values=np.zeros((len(scale.places), 0)),
        costs=_sums(scale, costs)[:, None],
        whole=_sums(scale, scale.before() + epochs),
        ends=_medians(scale, ends[:, None])[:, 0],
        finals=_medians(scale, finals[:, None])[:, 0],
        places=scale.places,
    )


def _values(
    scale: Scale, rungs: Int64[np.ndarray, " rungs"], metric: str
) -> Float64[np.ndarray, "trials rungs"]:
    """Return what trials were worth at rungs.

    Raises:
        StoreError: curves do not say.
    """
    table = pa.Table.from_pandas(scale.trials[["trial_id", *OUTCOMES]], preserve_index=False)
    if lacking := lacking_at(rungs, table, scale.curves, metric):
        raise StoreError(
            f"{scale.where}: must hold the {metric} of every rung (got none at some rung of "
            f"{lacking:,} of {len(table):,} trials); it is kept of each with "
            "record.validation_every 1, and metric=loss judges by what is always kept"
        )
    return values_at(rungs, table, scale.curves).losses[metric]


def _medians(
    scale: Scale, values: Float64[np.ndarray, "trials columns"]
) -> Float64[np.ndarray, "settings columns"]:
    """Return the median over the trials of each setting."""
    n_settings = len(scale.places)
    return Members.of(scale.setting, n_settings).medians(np.arange(n_settings), values)


def _sums(scale: Scale, values: Float64[np.ndarray, " trials"]) -> Settled:
    return np.asarray(np.bincount(scale.setting, weights=values, minlength=len(scale.places)))
