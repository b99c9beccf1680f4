"""The trials of a table that a replay can tell of.

Whatever did not end by itself is left out: what it would have come to is not known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float64, Int64

from sweep.errors import StoreError
from sweep.nets.topology import parse_topology
from sweep.scheduling.settings import Settings, settings_of
from sweep.scheduling.values import CURVES
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.tables.snapshot import read_rows
from sweep.trial import PARAMETERS, Status, Trial

ENDED = (Status.FINISHED, Status.DIVERGED)
OUTCOMES = ("status", "epochs", "pretraining_epochs", "final_loss", "validation_loss")
FINAL = {"loss": "final_loss", "validation_loss": "validation_loss"}


@dataclass(frozen=True)
class Replayable:
    """The trials of a table that a replay can tell of.

    Attributes:
        trials: those that ended by themselves; their first columns identify them.
        curves: of them. settings: which of them are one setting.
        left_out: how many trials did not end by themselves. where: the results.
    """

    trials: pd.DataFrame
    curves: pa.Table
    settings: Settings
    left_out: int
    where: str

    def scales(self) -> Iterator["Scale"]:
        """Yield the settings whose losses are on one scale, each scale's by themselves."""
        of_trials = self.settings.scales[self.settings.of_trials]
        for number in range(len(self.settings.fingerprints)):
            rows = np.flatnonzero(of_trials == number)
            trials = self.trials.iloc[rows]
            _, setting = np.unique(self.settings.of_trials[rows], return_inverse=True)
            places = self.settings.places[self.settings.scales == number]
            yield Scale(
                trials=trials.reset_index(drop=True),
                curves=self.curves,
                setting=setting,
                places=places,
                where=self.where,
            )


@dataclass(frozen=True)
class Scale:
    """Trials whose losses can be compared.

    Attributes:
        trials: in the order of the table. curves: of these and perhaps others.
        setting: of each trial. places: of each setting, what decides its bracket.
        where: the results.
    """

    trials: pd.DataFrame
    curves: pa.Table
    setting: Int64[np.ndarray, " trials"]
    places: Float64[np.ndarray, " settings"]
    where: str

    @property
    def metric(self) -> str:
        """The loss that ranks: on held-out samples where all trials have it."""
        held = self.trials["validation_loss"].notna() | (self.trials["status"] != Status.FINISHED)
        known = self.trials["validation_loss"].notna().any()
        return "validation_loss" if known and held.all() else "loss"

    def epochs(self) -> Float64[np.ndarray, " trials"]:
        return self.trials["epochs"].to_numpy(np.float64)

    def finals(self, metric: str) -> Float64[np.ndarray, " trials"]:
        """Return what each trial came to, inf where it diverged."""
        losses = self.trials[FINAL[metric]].astype("float64").to_numpy()
        finished = (self.trials["status"] == Status.FINISHED).to_numpy()
        return np.asarray(np.where(finished & np.isfinite(losses), losses, np.inf))

    def before(self) -> Float64[np.ndarray, " trials"]:
        """Return the epochs of pretraining, which all trials make."""
        return self.trials["pretraining_epochs"].astype("float64").fillna(0.0).to_numpy()


def read_replayable(directory: ResultsDir) -> Replayable:
    """Read what a replay needs.

    Raises:
        StoreError: there are no results, none ended by itself, or no curves were kept.
    """
    names = list(PARAMETERS)
    table = read_rows(directory.path, TableName.TRIALS, columns=[*names, *OUTCOMES])
    frame: pd.DataFrame = table.to_pandas()
    trials = frame[frame["status"].isin(ENDED)].reset_index(drop=True)
    curves = read_rows(directory.path, TableName.CURVES, columns=CURVES)
    if trials.empty:
        raise StoreError(f"{directory.path}: must hold trials that ended by themselves (got none)")
    lacking = int((~trials["trial_id"].isin(curves["trial_id"].unique().to_pylist())).sum())
    if lacking:
        raise StoreError(
            f"{directory.path}: must hold the curves of all trials to replay them (got none of "
            f"{lacking:,}; they are kept unless `record: {{curves: false}}`)"
        )
    rows = table.select(names).filter(pa.array(frame["status"].isin(ENDED)))
    asked = (Trial(**r | {"topology": parse_topology(r["topology"])}) for r in rows.to_pylist())
    return Replayable(
        trials=trials,
        curves=curves,
        settings=settings_of(asked),
        left_out=len(frame) - len(trials),
        where=str(directory.path),
    )
