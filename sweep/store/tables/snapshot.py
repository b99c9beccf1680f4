"""Reads the rows that count, also while they are being written.

A reader takes the journal first and the parts after it, so that a result that moves from one to the
other meanwhile is read twice rather than not at all; the second copy is dropped.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

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
    raise moving(path)


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
    raise moving(path)


def _read_once(
    directory: ResultsDir, name: TableName, columns: Sequence[str] | None, where: Where | None
) -> pa.Table:
    return concatenated(name, list(_tables(directory, name, columns, where)))


def _tables(
    directory: ResultsDir, name: TableName, columns: Sequence[str] | None, where: Where | None
) -> Iterator[pa.Table]:
    """Yield the rows that count of each source in turn."""
    wanted = None if columns is None else list(dict.fromkeys([*columns, "trial_id"]))
    for source in counted_sources(directory):
        yield without_trials(source.read(name, wanted, where), source.dropped)


def counted_sources(directory: ResultsDir) -> "list[Source]":
    """Return the parts and frames of the journal, the oldest first, with what does not count.

    Raises:
        StoreError: if a file is damaged.
        FileNotFoundError: if a part was put together with others meanwhile.
    """
    removed = read_removals(directory)
    sources = _sources(directory)
    stale = _stale([source.read(TableName.TRIALS, COLUMNS, None) for source in sources])
    return [
        replace(source, dropped=removed.union(stale.get(place, ())))
        for place, source in enumerate(sources)
    ]


def moving(path: str | AnyPath) -> StoreError:
    """Return the error of parts that are put together again and again while they are read."""
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


@dataclass(frozen=True)
class Source:
    """A part of the tables, or a frame of the journal.

    Attributes:
        directory: the results.
        part: its number; None of a frame.
        frame: the tables of a frame; None of a part.
        dropped: the trials whose rows do not count.
    """

    directory: ResultsDir
    part: int | None = None
    frame: TableSet | None = None
    dropped: Collection[str] = frozenset()

    def read(
        self, name: TableName, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> pa.Table:
        """Read its rows of a table, those that do not count included."""
        if self.part is not None:
            return read_part(self.directory, name, self.part, columns=columns, where=where)
        assert self.frame is not None
        table = self.frame.tables[name]
        if where is not None:
            table = with_values(table, *where)
        return table if columns is None else table.select(list(columns))


def _sources(directory: ResultsDir) -> list[Source]:
    where = str(directory.journal)
    frames = [decode(payload, where) for payload in replay(directory.journal)]
    parts = [Source(directory, part=number) for number in part_numbers(directory)]
    return parts + [Source(directory, frame=batch) for batch in frames]
