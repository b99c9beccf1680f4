"""What findings are made from. Knows nothing of how they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sweep.reports.axes import Axis
from sweep.reports.groups import factors_of
from sweep.reports.population import Population
from sweep.reports.settings import settings_of
from sweep.store.places.layout import ResultsDir

COLUMNS = ("seed", "zero_outputs", "dead_units", "unit_distance")
"""Columns of the trials that findings read beside those that every section may."""


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

    @property
    def trials(self) -> pd.DataFrame:
        """The trials that count."""
        return self.population.trials

    @cached_property
    def factors(self) -> list[str]:
        """The parameters that tell settings apart."""
        return factors_of(self.trials)

    @cached_property
    def settings(self) -> pd.DataFrame:
        """A row a setting, as `settings_of` has them: the least median loss first."""
        return settings_of(self.trials)
