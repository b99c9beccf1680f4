"""Reads trials one by one, with their curves, as other programs keep runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

import pandas as pd

from sweep.reports.tables.reading import default_columns, read_chosen
from sweep.store.places.layout import TableName
from sweep.store.places.remote import AnyPath
from sweep.store.tables.reader import frame_of
from sweep.store.tables.snapshot import iterate_rows
from sweep.store.tables.table_set import with_values
from sweep.trial import PARAMETERS

METRICS = ("final_loss", "validation_loss", "epochs", "samples_reconstructed", "seconds")
"""The numbers that came out, where a trial has them."""
CURVES = {"loss": "loss", "validation_loss": "validation_loss_by_epoch"}
"""The columns of a curve, and what they are called beside the numbers that came out."""
ALWAYS = ("trial_id", "sweep", "status", "stop_reason", "error", "started", "finished")
Point = tuple[int, float]


@dataclass(frozen=True)
class RunRecord:
    """A trial as other programs keep a run.

    Attributes:
        trial_id, sweep, status, stop_reason: as in the table of trials; error: empty without.
        started, finished: when it was trained.
        parameters: the hyperparameters that vary, and apply to it.
        metrics: the finite numbers that came out.
        curves: under its name, the finite losses by epochs trained.
    """

    trial_id: str
    sweep: str
    status: str
    stop_reason: str
    error: str
    started: datetime
    finished: datetime
    parameters: Mapping[str, str | float | int | bool]
    metrics: Mapping[str, float]
    curves: Mapping[str, list[Point]]


def exported_parameters(path: str | AnyPath) -> list[str]:
    """Return the hyperparameters that are exported: those that vary."""
    return [name for name in default_columns(path) if name in PARAMETERS]


def run_records(path: str | AnyPath, where: str | None = None) -> Iterator[RunRecord]:
    """Return the trials that meet a condition, each read with its curve once it is taken.

    Raises:
        ConfigError: the condition cannot be read.
        StoreError: there are no results, or a file is damaged.
    """
    parameters = exported_parameters(path)
    columns = list(dict.fromkeys([*ALWAYS, *parameters, *METRICS]))
    found = read_chosen(path, where, columns).to_dict("records")
    return _with_curves(path, {str(row["trial_id"]): row for row in found}, parameters)


def _with_curves(
    path: str | AnyPath, left: dict[str, dict[Any, Any]], parameters: list[str]
) -> Iterator[RunRecord]:
    for table in iterate_rows(path, TableName.CURVES, ["epoch", "loss", "validation_loss"]):
        mine = with_values(table, "trial_id", left)
        for trial_id, curve in frame_of(mine).groupby("trial_id", sort=False):
            yield _record(left.pop(str(trial_id)), parameters, _curves(curve))
    for row in left.values():
        yield _record(row, parameters, {})


def _record(
    row: Mapping[Any, Any], parameters: list[str], curves: Mapping[str, list[Point]]
) -> RunRecord:
    known = {name: value for name, value in row.items() if not pd.isna(value)}
    metrics = {name: float(known[name]) for name in METRICS if name in known}
    return RunRecord(
        trial_id=row["trial_id"],
        sweep=row["sweep"],
        status=row["status"],
        stop_reason=row["stop_reason"],
        error=str(known.get("error", "")),
        started=row["started"].to_pydatetime(),
        finished=row["finished"].to_pydatetime(),
        parameters={name: _plain(known[name]) for name in parameters if name in known},
        metrics={name: value for name, value in metrics.items() if isfinite(value)},
        curves=curves,
    )


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _curves(curve: pd.DataFrame) -> dict[str, list[Point]]:
    """Return the finite losses of each kind by epoch; where phases repeat epochs, the last's."""
    found = {}
    for column, name in CURVES.items():
        points = zip(curve["epoch"].tolist(), curve[column].tolist(), strict=True)
        known = {epoch: loss for epoch, loss in points if isfinite(loss)}
        if known:
            found[name] = sorted(known.items())
    return found
