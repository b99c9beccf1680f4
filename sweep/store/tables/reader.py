"""Reads the tables of a sweep into pandas and NumPy."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Shaped

from sweep.errors import StoreError
from sweep.nets.topology import parse_topology
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.snapshot import read_rows
from sweep.store.tables.table_set import membership
from sweep.trial import PARAMETERS, STOP_PARAMETERS, Status, StopReason, Trial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Weights:
    """The final parameters of a trial.

    Attributes:
        dtype: arithmetic of the network, float32 or float64.
        arrays: each array under its name, such as `0.weight` (fan_out, fan_in) and `0.bias`.
    """

    dtype: str
    arrays: Mapping[str, Float[np.ndarray, "..."]]

    @property
    def flat(self) -> Float[np.ndarray, " parameters"]:
        """All arrays in a row, as a network takes them."""
        return np.concatenate([array.ravel() for array in self.arrays.values()])


@dataclass(frozen=True)
class SavedState:
    """Where a trial left its path, to go on from.

    Attributes:
        trial_id, path_id, stop_reason, epoch: which trial, why it stopped and when.
        stop: its stop parameters by name.
        arrays: the arrays of its lane, one lane wide.
    """

    trial_id: str
    path_id: str
    stop_reason: StopReason
    epoch: int
    stop: Mapping[str, float | int | None]
    arrays: Mapping[str, Shaped[np.ndarray, "1 ..."]]


def read_trials(path: str | AnyPath, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read the trials of a sweep, one row each.

    Args:
        path: the results directory, such as `results/NAME`.
        columns: the columns wanted, to which trial_id is added; None for all.

    Returns:
        Integers that may be missing are `Int64`, truth values `boolean`, times in UTC.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    return frame_of(read_rows(path, TableName.TRIALS, columns=columns))


def read_curves(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read the recorded losses of a sweep, one row an epoch."""
    return _details(path, TableName.CURVES, trial_ids)


def read_ladder(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read when other stop rules would have been met, one row for each rule that was."""
    return _details(path, TableName.LADDER, trial_ids)


def read_gradients(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read what probes found, one row for each trial, epoch and layer."""
    return _details(path, TableName.GRADIENTS, trial_ids)


def read_codes(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read hidden activations, one row for each trial, layer, sample and unit."""
    return _details(path, TableName.CODES, trial_ids)


def read_phases(path: str | AnyPath, trial_ids: Collection[str] | None = None) -> "pd.DataFrame":
    """Read the phases of trials with pretraining, one row each."""
    return _details(path, TableName.PHASES, trial_ids)


def read_trial(path: str | AnyPath, trial_id: str) -> Trial:
    """Read what one trial was asked to be.

    Args:
        path: the results directory.
        trial_id: 16 hex digits, or as many of the first as make it unique.

    Raises:
        StoreError: if no trial, or more than one, has an identity that begins so.
    """
    table = read_rows(path, TableName.TRIALS, columns=list(PARAMETERS))
    found = table.filter(pc.starts_with(table["trial_id"], trial_id)).drop_columns(["trial_id"])
    if found.num_rows != 1:
        raise StoreError(
            f"{path}: must hold one trial whose identity begins with {trial_id!r} "
            f"(got {found.num_rows}); `sweep results` lists them"
        )
    row = found.to_pylist()[0]
    return Trial(**row | {"topology": parse_topology(row["topology"])})


def read_weights(path: str | AnyPath, trial_id: str) -> Weights:
    """Read the final parameters of one trial.

    Raises:
        StoreError: if none are kept.
    """
    table = read_rows(path, TableName.WEIGHTS, where=("trial_id", [trial_id]))
    if not table.num_rows:
        raise StoreError(
            f"{path}: must hold weights of trial {trial_id} (got none); "
            "they are kept of trials that `sweep results` lists, unless `record` leaves them out"
        )
    row = table.to_pylist()[0]
    values = np.array(row["values"], row["dtype"])
    return Weights(row["dtype"], _arrays(row, values, [row["dtype"]] * len(row["names"])))


def read_states(path: str | AnyPath, path_ids: Collection[str]) -> list[SavedState]:
    """Read every saved state along these paths; none where there are no results yet."""
    if not ResultsDir.at(path).exists:
        return []
    table = read_rows(path, TableName.STATE, where=("path_id", path_ids))
    return [_saved_state(table.slice(row, 1)) for row in range(table.num_rows)]


def stated_paths(path: str | AnyPath) -> set[str]:
    """Return the paths along which a state is saved."""
    if not ResultsDir.at(path).exists:
        return set()
    return set(read_rows(path, TableName.STATE, columns=["path_id"])["path_id"].to_pylist())


def done_ids(path: str | AnyPath, *, retry_failed: bool = False) -> set[str]:
    """Return the trials that need no training: those held, unless to be tried again."""
    if not ResultsDir.at(path).exists:
        return set()
    again = [Status.CANCELLED, Status.PRUNED, *([Status.FAILED] if retry_failed else [])]
    table = read_rows(path, TableName.TRIALS, columns=["trial_id", "status"])
    done = table.filter(pc.invert(membership(table["status"], again)))
    return {trial_id for chunk in done["trial_id"].chunks for trial_id in chunk.to_pylist()}


def _details(
    path: str | AnyPath, name: TableName, trial_ids: Collection[str] | None
) -> "pd.DataFrame":
    where = None if trial_ids is None else ("trial_id", trial_ids)
    return frame_of(read_rows(path, name, where=where))


def frame_of(table: pa.Table) -> "pd.DataFrame":
    """Return rows of a table as pandas has them."""
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _saved_state(row_table: pa.Table) -> SavedState:
    values = row_table["values"].combine_chunks().flatten().to_numpy()
    row = row_table.drop_columns(["values"]).to_pylist()[0]
    return SavedState(
        trial_id=row["trial_id"],
        path_id=row["path_id"],
        stop_reason=StopReason(row["stop_reason"]),
        epoch=row["epoch"],
        stop={name: row[name] for name in STOP_PARAMETERS},
        arrays=_arrays(row, values, row["dtypes"]),
    )


def _arrays(
    row: Mapping[str, Any], values: Float[np.ndarray, " n"], dtypes: Iterable[str]
) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Cut a flat row of values into its arrays."""
    arrays, start = {}, 0
    for name, shape, dtype in zip(row["names"], row["shapes"], dtypes, strict=True):
        end = start + int(np.prod(shape))
        arrays[name] = values[start:end].astype(dtype).reshape(shape)
        start = end
    assert start == len(values)
    return arrays
