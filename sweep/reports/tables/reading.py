"""Reads the trials that a reader asks for, with the columns that tell them apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweep.components.registry import FAMILIES
from sweep.errors import ConfigError
from sweep.querying.condition import Condition, unknown_column
from sweep.reports.axes import telling_parameters
from sweep.reports.tables.selection import outcome_columns
from sweep.store.places.layout import TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.compact import varying_columns
from sweep.store.tables.reader import frame_of
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.snapshot import iterate_trials
from sweep.trial import PARAMETERS

ALL = "all"
TELLING = ("validation_loss", "restore", "error")
"""Columns on which it depends what came out: whether any trial has a value there."""
KNOWN = SCHEMAS[TableName.TRIALS].names


def read_chosen(
    path: str | AnyPath,
    where: str | None = None,
    columns: str | Sequence[str] | None = None,
    *,
    varying: bool = True,
) -> pd.DataFrame:
    """Read trials, one row each.

    Args:
        path: the results directory, or its URI in object storage.
        where: a condition on rows, as `--where` takes; None for all rows.
        columns: those wanted, or "all"; None for `trial_id`, hyperparameters, and what came out.
        varying: without `columns`, whether to leave out the hyperparameters that are the same in
            all trials.

    Raises:
        ConfigError: the condition cannot be read, or a column does not exist.
        StoreError: there are no results, or a file is damaged.
    """
    condition = None if where is None else _condition(where)
    wanted = _named(columns)
    if wanted is None:
        wanted = default_columns(path, varying=varying)
    needed = [*wanted, *(condition.columns(KNOWN) if condition else [])]
    tables = iterate_trials(path, list(dict.fromkeys(needed)))
    kept = [table if condition is None else condition.matching(table) for table in tables]
    empty = SCHEMAS[TableName.TRIALS].empty_table()
    return frame_of(pa.concat_tables([t.select(wanted) for t in [empty, *kept]]))


def default_columns(path: str | AnyPath, *, varying: bool = True) -> list[str]:
    """Return the columns that a reader meets: the trial, its hyperparameters, and what came out.

    What came out are `status`, `stop_reason`, `epochs`, `weights_epoch` where weights were
    restored, `validation_loss` where any trial has one, `final_loss`, `samples_reconstructed`,
    `seconds`, and `error` where any trial failed.
    """
    names = varying_columns(path, tuple(PARAMETERS))
    looked_at = list(dict.fromkeys([*names, *FAMILIES, *TELLING]))
    telling = _levels(iterate_trials(path, looked_at), looked_at)
    outcome = outcome_columns(telling)
    failed = ["error"] if telling["error"].notna().any() else []
    parameters = telling_parameters(telling) if varying else list(PARAMETERS)
    return ["trial_id", *parameters, *outcome, *failed]


def _levels(tables: Iterator[pa.Table], names: Sequence[str]) -> pd.DataFrame:
    """Return a small table whose columns hold some values each that the large one's hold.

    A component is there with all its names, anything else with three values if it has three: a
    missing one, and two others.
    """
    seen: dict[str, dict[object, None]] = {name: {} for name in names}
    for table in tables:
        for name, values in seen.items():
            if name in FAMILIES or len(values) < 3:
                found = pc.unique(table[name]).to_pylist()
                values.update(dict.fromkeys(found if name in FAMILIES else found[:3]))
    length = max([3, *map(len, seen.values())])
    columns = {name: _repeated(list(values), length) for name, values in seen.items()}
    return pd.DataFrame(columns, dtype=object)


def _repeated(values: list[object], length: int) -> list[object]:
    known = values or [None]
    return [known[min(n, len(known) - 1)] for n in range(length)]


def _condition(where: str) -> Condition:
    try:
        condition = Condition(where)
        condition.columns(KNOWN)
    except ConfigError as error:
        raise ConfigError(replace(fault, where="where") for fault in error.faults) from None
    return condition


def _named(columns: str | Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    if isinstance(columns, str):
        columns = KNOWN if columns == ALL else [columns]
    for name in columns:
        if name not in KNOWN:
            raise unknown_column("columns", name, KNOWN)
    return list(dict.fromkeys(columns))
