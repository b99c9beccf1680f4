"""Reads the rows that count, also while they are being written.

A reader takes the journal first and the parts after it, so that a result that moves from one to the
other meanwhile is read twice rather than not at all; the second copy is dropped.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sweep.errors import StoreError
from sweep.store.places.journal import replay
from sweep.store.places.layout import ResultsDir, TableName, required_results
from sweep.store.places.remote import AnyPath
from sweep.store.tables.encoding import decode
from sweep.store.tables.holdings import COLUMNS, Holdings, read_removals
from sweep.store.tables.parts import part_numbers, read_part
from sweep.store.tables.table_set import TableSet, concatenated, with_values, without_trials

ATTEMPTS = 10

Where = tuple[str, Collection[str]]
Read = Callable[[TableName, Sequence[str] | None, Where | None], pa.Table]


def read_rows(
    path: str | AnyPath,
    name: TableName,
    *,
    columns: Sequence[str] | None = None,
    where: Where | None = None,
) -> pa.Table:
    """Read the rows of a table that count.

    Args:
        path: the results directory.
        name: which table.
        columns: the columns wanted, to which trial_id is added; None for all.
        where: a column of text, and the values whose rows to read; None for all rows.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    directory = required_results(path)
    for _ in range(ATTEMPTS):
        try:
            return _read_once(directory, name, columns, where)
        except FileNotFoundError:  # the writer has just put that part together with others
            continue
    raise _moving(path)


def iterate_trials(path: str | AnyPath, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of `trials` that count, part by part, each trial once.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    return iterate_rows(path, TableName.TRIALS, columns)


def iterate_rows(
    path: str | AnyPath, name: TableName, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of a table that count, part by part; all rows of a trial come together.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    directory = required_results(path)
    seen: list[pa.Array] = []
    for _ in range(ATTEMPTS):
        known = {trial_id for ids in seen for trial_id in ids.to_pylist()}
        try:
            for table in _tables(directory, name, columns, None):
                fresh = without_trials(table, known)
                seen.append(fresh["trial_id"].unique())
                yield fresh
            return
        except FileNotFoundError:  # put together with others: those already yielded are known
            continue
    raise _moving(path)


def _read_once(
    directory: ResultsDir, name: TableName, columns: Sequence[str] | None, where: Where | None
) -> pa.Table:
    return concatenated(name, list(_tables(directory, name, columns, where)))


def _tables(
    directory: ResultsDir, name: TableName, columns: Sequence[str] | None, where: Where | None
) -> Iterator[pa.Table]:
    """Yield the rows that count of each source in turn."""
    removed = read_removals(directory)
    sources = _sources(directory)
    stale = _stale([read(TableName.TRIALS, COLUMNS, None) for read in sources])
    wanted = None if columns is None else list(dict.fromkeys([*columns, "trial_id"]))
    for place, read in enumerate(sources):
        yield without_trials(read(name, wanted, where), removed.union(stale.get(place, ())))


def _moving(path: str | AnyPath) -> StoreError:
    return StoreError(f"{path}: must not change while it is read; try again")


def _stale(trials: Sequence[pa.Table]) -> Mapping[int, Collection[str]]:
    """The trials of each source whose rows another source replaces; usually none."""
    ids = pa.chunked_array([c for t in trials for c in t["trial_id"].chunks], pa.string())
    if pc.count_distinct(ids).as_py() == len(ids):
        return {}
    holdings = Holdings()
    for place, table in enumerate(trials):
        holdings.add_all(table, place)
    return holdings.stale


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


def _frame_source(batch: TableSet) -> Read:
    def read(name: TableName, columns: Sequence[str] | None, where: Where | None) -> pa.Table:
        table = batch.tables[name]
        if where is not None:
            table = with_values(table, *where)
        return table if columns is None else table.select(list(columns))

    return read
