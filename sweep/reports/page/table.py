"""Reads the trials of a page, and says which columns of them it carries."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import pandas as pd

from sweep.ladder import Rung
from sweep.reports.axes import varying_parameters
from sweep.reports.false_convergence import COLUMN
from sweep.reports.findings.subject import COLUMNS, Subject
from sweep.reports.page.columns import Role
from sweep.reports.population import Population, population_of
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import COMMON, read_telling
from sweep.result import Outcome
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.compact import varying_columns
from sweep.trial import PARAMETERS

OUTCOMES = tuple(item.name for item in fields(Outcome) if item.name not in ("error", "traceback"))
RECORDS = (
    *("sweep", "seconds", "seconds_share", "host", "device", "engine", "lanes", "attempt"),
    *("resumed_from", "error"),
)
ALWAYS = ("status", "stop_reason", "epochs", "final_loss")
"""Outcomes that the page carries though they are the same in all trials."""
ECHOES = {"weights_epoch": "epochs", "final_objective": "final_loss", "updates": "epochs"}
"""Columns that say nothing where they are equal to another."""


@dataclass(frozen=True)
class PageTable:
    """The trials of a page: those that count, as they lie in the table, then those that failed.

    Attributes:
        subject: what statistics and findings are of: the results, and which trials count.
        roles: the columns that the page carries, and what each is.
        rung: the rule that trials are judged by, in place of each one's own; None for its own.
    """

    subject: Subject
    roles: dict[str, Role]
    rung: Rung | None = None

    @classmethod
    def of(cls, subject: Subject, rung: Rung | None = None) -> Self:
        """Return the trials of a page where they have been read and split."""
        return cls(subject, _roles(cls(subject, {})), rung)

    def __len__(self) -> int:
        return len(self.population.trials) + len(self.population.failed)

    def __getitem__(self, name: str) -> "pd.Series[Any]":
        """Return a column, put together from those that count and those that failed."""
        return self.columns([name])[name]

    def columns(self, names: Sequence[str]) -> pd.DataFrame:
        """Return some columns; no more are held in memory twice."""
        counted, failed = self.population.trials, self.population.failed
        names = list(names)
        if failed.empty:
            return counted[names]
        return pd.concat([counted[names], failed[names]], ignore_index=True)

    @property
    def names(self) -> list[str]:
        """The columns that were read."""
        return list(self.population.trials.columns)

    @property
    def directory(self) -> ResultsDir:
        return self.subject.directory

    @property
    def population(self) -> Population:
        return self.subject.population


def read_page_table(directory: ResultsDir, rung: Rung | None = None) -> PageTable:
    """Read the trials of a page of results, also while they are being written.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by, in place of each trial's own; None for its own.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    population = population_of(
        read_telling(directory, rung, page_columns(directory)),
        asked_for(directory),
        by_path=rung is not None,
    )
    return PageTable.of(Subject.of(directory, population), rung)


def page_columns(directory: ResultsDir) -> list[str]:
    """Return the columns of the trials that a page reads beside the parameters that vary."""
    varying = varying_columns(directory.path, (*OUTCOMES, *RECORDS))
    return list(dict.fromkeys(["sweep", "finished", *COMMON, *COLUMNS, *ALWAYS, *varying]))


def _roles(table: PageTable) -> dict[str, Role]:
    """Return the columns that tell trials apart, and what each is."""
    parameters = [name for name in PARAMETERS if name in table.names]
    telling = {"trial_id": Role.ID}
    telling |= dict.fromkeys(varying_parameters(table.columns(parameters)), Role.AXIS)
    telling |= {name: Role.OUTCOME for name in OUTCOMES if _is_telling(table, name)}
    telling |= {COLUMN: Role.OUTCOME} if table[COLUMN].any() else {}
    telling |= {name: Role.RECORD for name in RECORDS if _is_telling(table, name)}
    return telling


def _is_telling(table: PageTable, name: str) -> bool:
    if name not in table.names:
        return False
    if name in ALWAYS:
        return True
    values = table[name]
    echoed = name in ECHOES and bool((values.isna() | (values == table[ECHOES[name]])).all())
    return not echoed and values.nunique(dropna=False) > 1
