"""Reads columns of the trials of a sweep in little memory, for statistics over a million of them.

A text that many trials share is a category: a small number for each trial, and each text once.
"""

from collections.abc import Collection, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweep.store.places.layout import TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.snapshot import iterate_trials

IDENTITIES = frozenset({"trial_id", "path_id"})
"""Texts of which nearly every trial has one of its own."""


def read_compact(path: str | AnyPath, columns: Sequence[str]) -> pd.DataFrame:
    """Read these columns of the trials and `trial_id`, as `read_trials` does, but for categories.

    All texts but identities are categories, in the order of the texts, so that they sort and group
    as texts do.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    tables = [_encoded(table) for table in iterate_trials(path, columns)]
    schema = SCHEMAS[TableName.TRIALS]
    table = pa.concat_tables(tables) if tables else _encoded(schema.empty_table().select(columns))
    del tables
    table = table.unify_dictionaries()
    frame: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    del table
    pa.default_memory_pool().release_unused()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].cat.reorder_categories(sorted(frame[name].cat.categories))
    return frame


def varying_columns(path: str | AnyPath, columns: Collection[str]) -> list[str]:
    """Return those of the columns that are not the same in all trials, a missing value being one.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    seen: dict[str, set[object]] = {name: set() for name in columns}
    for table in iterate_trials(path, list(columns)):
        for name, values in seen.items():
            if len(values) < 2:
                values.update(pc.unique(table[name]).slice(0, 2).to_pylist())
    return [name for name, values in seen.items() if len(values) > 1]


def _encoded(table: pa.Table) -> pa.Table:
    """Return a table whose texts are numbers into a list of those that there are."""
    for place, item in enumerate(table.schema):
        if pa.types.is_string(item.type) and item.name not in IDENTITIES:
            encoded = table.column(place).dictionary_encode()
            table = table.set_column(place, item.with_type(encoded.type), encoded)
    return table
