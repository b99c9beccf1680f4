"""The tables of some trials, kept together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sweep.store.places.layout import TableName
from sweep.store.tables.schema import SCHEMAS


@dataclass(frozen=True)
class TableSet:
    """Some trials with all that is kept of them, each table under `SCHEMAS`."""

    tables: Mapping[TableName, pa.Table]

    @classmethod
    def join(cls, batches: Iterable["TableSet"]) -> Self:
        """Put batches one after another."""
        parts: Sequence[TableSet] = list(batches)
        return cls({n: concatenated(n, [part.tables[n] for part in parts]) for n in TableName})

    @property
    def trials(self) -> pa.Table:
        return self.tables[TableName.TRIALS]

    @property
    def n_bytes(self) -> int:
        return sum(table.nbytes for table in self.tables.values() if table.num_rows)

    def only(self, trial_ids: Collection[str]) -> Self:
        """Keep these trials."""
        return type(self)(
            {n: with_values(t, "trial_id", trial_ids) for n, t in self.tables.items()}
        )

    def without(self, trial_ids: Collection[str]) -> Self:
        """Drop these trials."""
        return type(self)({n: without_trials(t, trial_ids) for n, t in self.tables.items()})


def without_trials(table: pa.Table, trial_ids: Collection[str]) -> pa.Table:
    """Drop the rows of these trials."""
    if not trial_ids:
        return table
    return table.filter(pc.invert(membership(table["trial_id"], trial_ids)))


def with_values(table: pa.Table, column: str, values: Collection[str]) -> pa.Table:
    """Keep the rows whose `column` is one of `values`."""
    return table.filter(membership(table[column], values))


def membership(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """Return which of a column's texts are among `values`."""
    return pc.is_in(column, value_set=_texts(values))


def _texts(values: Collection[str]) -> pa.StringArray:
    """Return texts as Arrow has them; `pa.array` would import pandas."""
    encoded = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    buffers = pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    return pa.LargeStringArray.from_buffers(len(encoded), *buffers).cast(pa.string())


def concatenated(name: TableName, tables: Sequence[pa.Table]) -> pa.Table:
    """Return rows of one table together; an empty table where there are none."""
    return pa.concat_tables(tables) if tables else pa.Table.from_batches([], SCHEMAS[name])
