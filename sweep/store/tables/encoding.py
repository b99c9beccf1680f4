"""Turns results into tables, and tables into bytes that travel.

A frame is the tables in the order of `TableName`, each as its length (8 bytes, little endian) and
an Arrow stream; one of an older version lacks the last of them.
"""

import struct
from collections.abc import Collection, Iterable, Sequence
from functools import cache

import numpy as np
import pyarrow as pa
from jaxtyping import Shaped

from sweep.errors import StoreError
from sweep.nets.layout import Array, layout_of
from sweep.plugins.sources import PluginError
from sweep.result import Outcome, Provenance, TrialResult
from sweep.store.places.layout import TableName
from sweep.store.tables.schema import DETAILS, SCHEMAS, columns_of, conform, version_of
from sweep.store.tables.table_set import TableSet
from sweep.trial import STOP_PARAMETERS, Trial, canonical

LENGTH = struct.Struct("<Q")
OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")
READING = pa.ipc.IpcReadOptions(use_threads=False)
"""To hand a hundred small columns to threads takes four times as long as to read them."""


def encode(results: Sequence[TrialResult], sweep: str) -> bytes:
    """Write results, at most one of each trial, as one frame."""
    return frame_of(table_set_of(results, sweep))


def frame_of(batch: TableSet) -> bytes:
    """Write tables as one frame."""
    return b"".join(_with_length(_stream(batch.tables[name])) for name in TableName)


def decode(
    frame: bytes,
    where: str = "results received",
    *,
    wanted: Collection[TableName] = tuple(TableName),
) -> TableSet:
    """Read what `encode` wrote, by this version of sweep or an older one.

    Args:
        frame: the bytes.
        where: where they are from, for errors.
        wanted: the tables to read; the others are left empty.

    Raises:
        StoreError: if the frame is of a newer version or not a frame.
    """
    tables: dict[TableName, pa.Table] = {}
    position = 0
    for name in TableName:
        if position == len(frame) and tables:
            tables[name] = SCHEMAS[name].empty_table()
            continue
        start = position + LENGTH.size
        position = start + int.from_bytes(frame[position:start], "little")
        if max(start, position) > len(frame):
            raise StoreError(f"{where}: must be results of sweep (got a part of a frame)")
        stream = frame[start:position] if name in wanted else _empty_stream(name)
        tables[name] = _table(name, stream, where)
    return TableSet(tables)


def table_set_of(results: Sequence[TrialResult], sweep: str) -> TableSet:
    """Lay results out as tables."""
    assert len({result.trial.trial_id for result in results}) == len(results)
    columns = {
        TableName.TRIALS: _trials(results, sweep),
        TableName.CURVES: _curves(results),
        TableName.WEIGHTS: _weights([r for r in results if r.parameters is not None]),
        TableName.STATE: _states([r for r in results if r.state is not None]),
        **{name: _details(results, name) for name in DETAILS},
    }
    return TableSet({n: pa.table(arrays, schema=SCHEMAS[n]) for n, arrays in columns.items()})


def _trials(results: Sequence[TrialResult], sweep: str) -> dict[str, object]:
    trials = [result.trial for result in results]
    columns: dict[str, object] = {
        "sweep": [sweep] * len(results),
        "trial_id": _trial_ids(results),
        "path_id": [trial.path_id for trial in trials],
    }
    columns |= _fields(Trial, trials)
    columns |= _fields(Outcome, [result.outcome for result in results])
    columns |= _fields(Provenance, [result.provenance for result in results])
    columns["topology"] = [canonical(trial.topology) for trial in trials]
    columns["depth"] = [len(trial.topology) - 1 for trial in trials]
    columns["bottleneck"] = [min(trial.topology[1:-1], default=None) for trial in trials]
    columns["n_parameters"] = list(map(_n_parameters, trials))
    return columns


def _n_parameters(trial: Trial) -> int | None:
    """Return how many numbers training changes; None of a user's network that cannot be made."""
    try:
        return layout_of(trial).n_parameters
    except PluginError:
        return None


def _fields(record: type, records: Sequence[object]) -> dict[str, object]:
    return {c.name: [getattr(item, c.name) for item in records] for c in columns_of(record)}


def _curves(results: Sequence[TrialResult]) -> dict[str, object]:
    curves = [result.curve for result in results]
    validation = _joined((curve.validation_loss for curve in curves), np.float64)
    return {
        "trial_id": _owners(results, [len(curve.epoch) for curve in curves]),
        "phase": _joined((curve.phase for curve in curves), np.int8),
        "epoch": _joined((curve.epoch for curve in curves), np.int64),
        "loss": _joined((curve.loss for curve in curves), np.float64),
        "validation_loss": pa.array(validation, from_pandas=True),
    }


def _details(results: Sequence[TrialResult], name: TableName) -> dict[str, object]:
    """Lay out one of the tables that hold several rows a trial."""
    tables = [result.details.get(name) for result in results]
    columns = SCHEMAS[name].names[1:]
    lengths = [0 if table is None else len(table[columns[0]]) for table in tables]
    arrays: dict[str, object] = {"trial_id": _owners(results, lengths)}
    for column in columns:
        parts = [table[column] for table in tables if table is not None]
        item = SCHEMAS[name].field(column)
        arrays[column] = pa.array(
            np.concatenate(parts) if parts else [], item.type, from_pandas=item.nullable
        )
    return arrays


def _owners(results: Sequence[TrialResult], lengths: Sequence[int]) -> pa.Array:
    """Return the identity of each trial as often as it has rows."""
    owner = pa.array(np.repeat(np.arange(len(results)), lengths))
    return pa.array(_trial_ids(results), pa.string()).take(owner)


def _weights(results: Sequence[TrialResult]) -> dict[str, object]:
    layouts = [_arrays(result.trial) for result in results]
    return {
        "trial_id": _trial_ids(results),
        "dtype": [result.trial.dtype for result in results],
        "names": [[array.name for array in layout] for layout in layouts],
        "shapes": [[list(array.shape) for array in layout] for layout in layouts],
        "values": _lists(
            [result.parameters for result in results if result.parameters is not None]
        ),
    }


def _arrays(trial: Trial) -> tuple[Array, ...]:
    layout = layout_of(trial)
    return layout.parameters + layout.buffers


def _states(results: Sequence[TrialResult]) -> dict[str, object]:
    states = [result.state for result in results if result.state is not None]
    stop = {n: [getattr(r.trial, n) for r in results] for n in STOP_PARAMETERS}
    return {
        "trial_id": _trial_ids(results),
        "path_id": [result.trial.path_id for result in results],
        "stop_reason": [result.outcome.stop_reason for result in results],
        **stop,
        "epoch": [result.outcome.epochs for result in results],
        "names": [list(state) for state in states],
        "dtypes": [[str(array.dtype) for array in state.values()] for state in states],
        "shapes": [[list(array.shape) for array in state.values()] for state in states],
        "values": _lists([_joined((a.ravel() for a in s.values()), np.float64) for s in states]),
    }


def _trial_ids(results: Sequence[TrialResult]) -> list[str]:
    return [result.trial.trial_id for result in results]


def _joined(
    arrays: Iterable[Shaped[np.ndarray, " _"]], dtype: type[np.generic]
) -> Shaped[np.ndarray, " _"]:
    return np.concatenate([np.empty(0, dtype), *arrays], dtype=dtype)


def _lists(rows: Sequence[Shaped[np.ndarray, " _"]]) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, _joined(rows, np.float64))


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=OPTIONS) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@cache
def _empty_stream(name: TableName) -> bytes:
    """Return what is written of a table without rows."""
    return _stream(SCHEMAS[name].empty_table())


def _with_length(data: bytes) -> bytes:
    return LENGTH.pack(len(data)) + data


def _table(name: TableName, stream: bytes, where: str) -> pa.Table:
    if stream == _empty_stream(name):  # as most are; reading it takes as long as a hundred rows
        return SCHEMAS[name].empty_table()
    try:
        table = pa.ipc.open_stream(stream, options=READING).read_all()
    except (pa.ArrowException, OSError) as error:
        raise StoreError(f"{where}: must be results of sweep (got {error})") from error
    version_of(table.schema, where)
    return conform(table, SCHEMAS[name], where)
