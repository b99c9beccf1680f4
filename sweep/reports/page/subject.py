"""Reads what a page is of: the trials of some results, and which columns of them it carries."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import pandas as pd

from sweep.ladder import Rung
from sweep.reports.axes import Axis, axes_of, varying_parameters
from sweep.reports.false_convergence import COLUMN
from sweep.reports.groups import factors_of
from sweep.reports.page.columns import Role
from sweep.reports.population import Population, population_of, where
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import COMMON, read_telling
from sweep.result import Outcome
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.compact import varying_columns

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
class Subject:
    """What a page is of.

    Attributes:
        directory: the results.
        population: which trials count.
        trials: those that the page carries: those that count and those that failed, as they lie in
            the table.
        axes: what varies among those that count, each with its levels.
        roles: the columns that the page carries, and what each is.
        rung: the rule that trials are judged by, in place of each one's own; None for its own.
    """

    directory: ResultsDir
    population: Population
    trials: pd.DataFrame
    axes: Sequence[Axis]
    roles: dict[str, Role]
    rung: Rung | None = None

    @classmethod
    def of(
        cls,
        directory: ResultsDir,
        population: Population,
        table: pd.DataFrame,
        rung: Rung | None = None,
    ) -> "Subject":
        """Return what a page is of where its `table` of trials has been read and split."""
        counted = population.trials
        shown = table.index.isin(counted.index) | table.index.isin(population.failed.index)
        factors = factors_of(counted)
        axes = [axis for axis in axes_of(counted) if axis.name in factors]
        trials = where(table, pd.Series(shown, table.index))
        return cls(directory, population, trials, axes, _roles(trials), rung)


def read_subject(directory: ResultsDir, rung: Rung | None = None) -> Subject:
    """Read what a page of results is of, also while they are being written.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by, in place of each trial's own; None for its own.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    trials = read_telling(directory, rung, page_columns(directory))
    population = population_of(trials, asked_for(directory), by_path=rung is not None)
    return Subject.of(directory, population, trials, rung)


def page_columns(directory: ResultsDir) -> list[str]:
    """Return the columns of the trials that a page reads beside the parameters that vary."""
    varying = varying_columns(directory.path, (*OUTCOMES, *RECORDS))
    return list(dict.fromkeys(["sweep", "finished", *COMMON, *ALWAYS, *varying]))


def _roles(trials: pd.DataFrame) -> dict[str, Role]:
    """Return the columns that tell trials apart, and what each is."""
    telling = {"trial_id": Role.ID}
    telling |= dict.fromkeys(varying_parameters(trials), Role.AXIS)
    telling |= {name: Role.OUTCOME for name in OUTCOMES if _is_telling(trials, name)}
    telling |= {COLUMN: Role.OUTCOME} if trials[COLUMN].any() else {}
    telling |= {name: Role.RECORD for name in RECORDS if _is_telling(trials, name)}
    return telling


def _is_telling(trials: pd.DataFrame, name: str) -> bool:
    if name not in trials.columns:
        return False
    values = trials[name]
    if name in ALWAYS:
        return True
    echoed = name in ECHOES and bool((values.isna() | (values == trials[ECHOES[name]])).all())
    return not echoed and values.nunique(dropna=False) > 1
