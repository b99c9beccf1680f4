"""What findings are made from. Knows nothing of how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import pandas as pd

from sweep.ladder import Rung
from sweep.reports.axes import Axis, axes_of
from sweep.reports.findings.losses import Losses, losses_by_axis
from sweep.reports.groups import factors_of
from sweep.reports.objective import HELD_OUT
from sweep.reports.population import Population, population_of
from sweep.reports.recorded import asked_for
from sweep.reports.rejudging import read_telling
from sweep.reports.settings import settings_of
from sweep.store.places.layout import ResultsDir
from sweep.trial import SAME_LOSS

if TYPE_CHECKING:
    from sweep.reports.findings.finding import Finding

COLUMNS = (
    *("seed", "fixed_epochs", HELD_OUT, *SAME_LOSS),
    *("zero_outputs", "dead_units", "unit_distance"),
    *("engine", "device", "sweep_version", "torch_version", "ray_version", "python_version"),
)
"""Columns of the trials that findings read beside what varies and `false_convergence.ENDED`."""


@dataclass(frozen=True)
class Subject:
    """The results that findings are of.

    Attributes:
        directory: where they lie, for the sweep file.
        population: the trials that count, with what varies, how they ended, and `COLUMNS` where
            they are known; and those left out.
        axes: what varies among those that count.
    """

    directory: ResultsDir
    population: Population
    axes: Sequence[Axis]

    @classmethod
    def of(cls, directory: ResultsDir, population: Population) -> Self:
        """Return the results with what varies and tells settings apart."""
        trials = population.trials
        telling = factors_of(trials)
        axes = [axis for axis in axes_of(trials) if axis.name in telling]
        return cls(directory, population, axes)

    @property
    def trials(self) -> pd.DataFrame:
        """The trials that count."""
        return self.population.trials

    @cached_property
    def factors(self) -> list[str]:
        """The parameters that tell settings apart."""
        return factors_of(self.trials)

    @cached_property
    def findings(self) -> "list[Finding]":
        """What was found, made once; what that took is not kept."""
        from sweep.reports.findings.found import find

        return find(replace(self))

    @cached_property
    def repeats(self) -> bool:
        """Whether any setting has several trials."""
        trials, factors = self.trials, self.factors
        settings = trials.groupby(factors, dropna=False).ngroups if factors else 1
        return int(settings) < len(trials)

    @cached_property
    def losses(self) -> Losses:
        """The losses that rank, on a logarithmic scale, by what varies."""
        return losses_by_axis(self.trials, self.factors)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """A row a setting, as `settings_of` has them: the least median loss first."""
        return settings_of(self.trials)


def read_subject(directory: ResultsDir, rung: Rung | None = None) -> Subject:
    """Read what findings are made from.

    Args:
        directory: results of a sweep.
        rung: the rule to judge by, in place of each trial's own; None for its own.

    Raises:
        StoreError: if there are no results, or a file is damaged.
    """
    trials = read_telling(directory, rung, COLUMNS)
    by_path = rung is not None
    return Subject.of(directory, population_of(trials, asked_for(directory), by_path=by_path))
