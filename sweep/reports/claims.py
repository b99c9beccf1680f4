"""Reads what rows claim, and the data sets that they name. Knows nothing of how claims are judged.

A row names its data by a fingerprint; the sweep files recorded with the runs say how to load them.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd

from sweep.config import parse_config
from sweep.datasets import DatasetSpec
from sweep.errors import ConfigError
from sweep.store.layout import ResultsDir, TableName
from sweep.store.reader import read_trial, read_weights
from sweep.store.runs import read_runs
from sweep.store.snapshot import read_rows
from sweep.training.verification.verdicts import Claim
from sweep.trial import StopReason


def read_claims(
    directory: ResultsDir, trials: pd.DataFrame, trial_ids: Sequence[str]
) -> Iterator[Claim]:
    """Yield what the rows of `trials` with these identities say, weights included if kept."""
    wanted = trials[trials["trial_id"].isin(list(trial_ids))]
    rows = {row["trial_id"]: row for row in wanted.to_dict("records")}
    where = ("trial_id", trial_ids)
    kept = read_rows(directory.path, TableName.WEIGHTS, columns=["trial_id"], where=where)
    with_weights = set(kept["trial_id"].to_pylist())
    for trial_id in trial_ids:
        row = rows[trial_id]
        yield Claim(
            trial=read_trial(directory.path, trial_id),
            engine=row["engine"],
            device=row["device"],
            numerics_version=int(row["numerics_version"]),
            torch_version=row["torch_version"],
            host=row["host"],
            epochs=int(row["epochs"]),
            stop_reason=StopReason(row["stop_reason"]),
            final_loss=float(row["final_loss"]),
            parameters=_parameters(directory, trial_id) if trial_id in with_weights else None,
        )


def recorded_datasets(
    directory: ResultsDir, fingerprints: Collection[str]
) -> dict[str, DatasetSpec]:
    """Return how to load data sets, by fingerprint; those that no recorded run names are left out.

    A run whose sweep file is no longer valid, its plugin gone for one, names nothing.
    """
    found: dict[str, DatasetSpec] = {}
    for text, overrides in _recorded(directory):
        if found.keys() >= set(fingerprints):
            break
        try:
            found |= parse_config(text, overrides).expansion.datasets
        except ConfigError:
            continue
    return found


def _recorded(directory: ResultsDir) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the recorded sweep files with their overrides, the latest first."""
    for run in reversed(read_runs(directory)):
        yield run.config, run.overrides
    if directory.config.is_file():  # kept where the records of the runs were not
        yield directory.config.read_bytes().decode("utf-8", "replace"), ()


def _parameters(directory: ResultsDir, trial_id: str) -> np.ndarray:
    weights = read_weights(directory.path, trial_id)
    return np.concatenate([array.ravel() for array in weights.arrays.values()])
