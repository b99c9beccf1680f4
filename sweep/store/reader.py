"""Reads the tables of a sweep, also while it is being written. Knows nothing of training.

A reader takes the journal first and the parts after it, so that a result on its way from one to
the other is seen twice rather than not at all; the second sight is dropped.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Shaped

from sweep.errors import StoreError
from sweep.store.batch import Batch, with_values, without_trials
from sweep.store.encoding import decode
from sweep.store.journal import replay
from sweep.store.layout import ResultsDir, TableName
from sweep.store.ledger import COLUMNS, Ledger
from sweep.store.parts import part_numbers, read_part
from sweep.store.schema import SCHEMAS
from sweep.trial import STOP_PARAMETERS, Status, StopReason

ATTEMPTS = 10
Where = tuple[str, Collection[str]]
Read = Callable[[TableName, Sequence[str] | None, Where | None], pa.Table]


@dataclass(frozen=True)
class Weights:
    """The final parameters of a trial.

    Attributes:
        dtype: arithmetic of the network, float32 or float64.
        arrays: each array under its name, such as `0.weight` (fan_out, fan_in) and `0.bias`.
    """

    dtype: str
    arrays: Mapping[str, Float[np.ndarray, "..."]]


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


def read_trials(path: str | Path) -> pd.DataFrame:
    """Read the trials of a sweep, one row each.

    Args:
        path: the results directory, such as `results/NAME`.

    Returns:
        Integers that may be missing are `Int64`, truth values `boolean`, times in UTC.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    return _frame(_rows(path, TableName.TRIALS))


def read_curves(path: str | Path, trial_ids: Collection[str] | None = None) -> pd.DataFrame:
    """Read the recorded losses of a sweep, one row an epoch.

    Args:
        path: the results directory. trial_ids: the trials wanted; None for all.
    """
    where = None if trial_ids is None else ("trial_id", trial_ids)
    return _frame(_rows(path, TableName.CURVES, where=where))


def read_weights(path: str | Path, trial_id: str) -> Weights:
    """Read the final parameters of one trial.

    Raises:
        StoreError: if none are kept.
    """
    table = _rows(path, TableName.WEIGHTS, where=("trial_id", [trial_id]))
    if not table.num_rows:
        raise StoreError(
            f"{path}: must hold weights of trial {trial_id} (got none); "
            "they are kept of trials that `sweep results` lists, unless `record` leaves them out"
        )
    row = table.to_pylist()[0]
    values = np.array(row["values"], row["dtype"])
    return Weights(row["dtype"], _arrays(row, values, [row["dtype"]] * len(row["names"])))


def read_states(path: str | Path, path_ids: Collection[str]) -> list[SavedState]:
    """Read every saved state along these paths; none where there are no results yet."""
    if not ResultsDir(Path(path)).exists:
        return []
    table = _rows(path, TableName.STATE, where=("path_id", path_ids))
    return [_saved_state(table.slice(row, 1)) for row in range(table.num_rows)]


def done_ids(path: str | Path, *, retry_failed: bool = False) -> set[str]:
    """Return the trials that need no training: those held, unless cancelled.

    Args:
        path: the results directory, which need not exist yet.
        retry_failed: whether failed trials are to be trained again.
    """
    if not ResultsDir(Path(path)).exists:
        return set()
    again = {Status.CANCELLED, Status.FAILED} if retry_failed else {Status.CANCELLED}
    table = _rows(path, TableName.TRIALS, columns=["trial_id", "status"])
    rows = zip(table["trial_id"].to_pylist(), table["status"].to_pylist(), strict=True)
    return {trial_id for trial_id, status in rows if status not in again}


def _rows(
    path: str | Path,
    name: TableName,
    *,
    columns: Sequence[str] | None = None,
    where: Where | None = None,
) -> pa.Table:
    """Read the rows of a table that count."""
    directory = ResultsDir(Path(path))
    if not directory.exists:
        raise StoreError(f"{path}: must hold results of a sweep (got none); `sweep run` makes them")
    for _ in range(ATTEMPTS):
        try:
            return _read_once(directory, name, columns, where)
        except FileNotFoundError:  # the writer has just put that part together with others
            continue
    raise StoreError(f"{path}: must keep still while it is read; try again")


def _read_once(
    directory: ResultsDir, name: TableName, columns: Sequence[str] | None, where: Where | None
) -> pa.Table:
    sources = _sources(directory)
    stale = _stale([read(TableName.TRIALS, COLUMNS, None) for read in sources])
    wanted = None if columns is None else list(dict.fromkeys([*columns, "trial_id"]))
    tables = [
        without_trials(read(name, wanted, where), stale.get(place, set()))
        for place, read in enumerate(sources)
    ]
    return pa.concat_tables(tables) if tables else SCHEMAS[name].empty_table()


def _stale(trials: Sequence[pa.Table]) -> Mapping[int, Collection[str]]:
    """The trials in each source whose rows another source replaces; mostly none."""
    ids = pa.chunked_array([c for t in trials for c in t["trial_id"].chunks], pa.string())
    if pc.count_distinct(ids).as_py() == len(ids):
        return {}
    ledger = Ledger()
    for place, table in enumerate(trials):
        ledger.add_all(table, place)
    return ledger.stale


def _sources(directory: ResultsDir) -> list[Read]:
    """Ways to read each part and each frame of the journal, the oldest first."""
    where = str(directory.journal)
    frames = [decode(payload, where) for payload in replay(directory.journal)]
    parts = [_part_source(directory, number) for number in part_numbers(directory)]
    return parts + [_frame_source(batch) for batch in frames]


def _part_source(directory: ResultsDir, number: int) -> Read:
    def read(name: TableName, columns: Sequence[str] | None, where: Where | None) -> pa.Table:
        return read_part(directory, name, number, columns=columns, where=where)

    return read


def _frame_source(batch: Batch) -> Read:
    def read(name: TableName, columns: Sequence[str] | None, where: Where | None) -> pa.Table:
        table = batch.tables[name]
        if where is not None:
            table = with_values(table, *where)
        return table if columns is None else table.select(list(columns))

    return read


def _frame(table: pa.Table) -> pd.DataFrame:
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
