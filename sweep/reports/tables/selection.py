"""Chooses rows and columns of the table of trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.querying.condition import unknown_column
from sweep.reports.axes import varying_parameters
from sweep.reports.objective import TRAINED, losses_of
from sweep.reports.where import select_rows

OUTCOME_COLUMNS = (
    "status",
    "stop_reason",
    "epochs",
    "final_loss",
    "samples_reconstructed",
    "seconds",
)
TELLING_COLUMNS = ("false_convergence",)
"""Columns to show where they are true of any trial."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a reader asks for.

    Attributes:
        where: condition on a row; None for every row.
        sort: columns to sort by in turn, a leading `-` for descending.
        columns: columns to show; none for what varies and how it ended, `all` for all.
        top: most rows to show; None for all.
    """

    where: str | None = None
    sort: Sequence[str] = ()
    columns: Sequence[str] = ()
    top: int | None = None


def select(trials: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return the rows and columns asked for.

    Raises:
        ConfigError: if a column does not exist, or the condition cannot be read.
    """
    rows = trials if selection.where is None else select_rows(trials, selection.where)
    rows = sort_rows(rows, selection.sort).head(
        len(rows) if selection.top is None else selection.top
    )
    return rows[shown_columns(trials, selection.columns)]


def outcome_columns(trials: pd.DataFrame) -> list[str]:
    """Return the columns that say how trials ended.

    The held-out loss is among them where it is known, and the epoch of the weights where those are
    not always the last.
    """
    told: dict[str, tuple[str, ...]] = {TRAINED: tuple(losses_of(trials))}
    if "restore" in trials.columns and (trials["restore"] == "best").any():
        told["epochs"] = ("epochs", "weights_epoch")
    return [name for column in OUTCOME_COLUMNS for name in told.get(column, (column,))]


def shown_columns(trials: pd.DataFrame, wanted: Sequence[str]) -> list[str]:
    """Return the columns to show: those wanted, else what varies and how trials ended."""
    if list(wanted) == ["all"]:
        return list(trials.columns)
    for name in wanted:
        if name not in trials.columns:
            raise unknown_column("--columns", name, list(trials.columns))
    return list(dict.fromkeys(wanted)) or [
        "trial_id",
        *varying_parameters(trials),
        *outcome_columns(trials),
        *(name for name in TELLING_COLUMNS if name in trials.columns and trials[name].any()),
    ]


def sort_rows(rows: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Sort by columns in turn, a leading `-` for descending; rows alike stay as they are."""
    if not keys:
        return rows
    names = [key.removeprefix("-") for key in keys]
    for name in names:
        if name not in rows.columns:
            raise unknown_column("--sort", name, list(rows.columns))
    ascending = [not key.startswith("-") for key in keys]
    return rows.sort_values(names, ascending=ascending, kind="stable", na_position="last")
