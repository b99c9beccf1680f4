"""Reads the sweeps that are compared, each with the parameters that matter to a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweep.errors import ConfigError, StoreError
from sweep.printable import printable_line
from sweep.reports.axes import level_of
from sweep.reports.false_convergence import ENDED
from sweep.reports.objective import HELD_OUT
from sweep.reports.population import Population, population_of
from sweep.reports.recorded import asked_for
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.compact import read_compact, varying_columns
from sweep.store.tables.snapshot import iterate_trials
from sweep.trial import PARAMETERS

VERSIONS = ("engine", "device", "numerics_version", "sweep_version", "torch_version")
"""Columns that say by what trials were trained, where that differs."""
SECONDS = "seconds_share"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NONE = "none"


@dataclass(frozen=True)
class Side:
    """One of the sweeps that are compared.

    Attributes:
        letter: what it is called for short. name: what its user calls it.
        place: where it lies.
        population: its trials, those that count and those left out.
        constants: the parameters that are the same in all trials that were read, with their values.
    """

    letter: str
    name: str
    place: str
    population: Population
    constants: dict[str, object]

    @property
    def trials(self) -> pd.DataFrame:
        """The trials that count."""
        return self.population.trials

    @property
    def called(self) -> str:
        """Its letter and name."""
        return f"{self.letter} ({self.name})"

    def levels(self, name: str) -> list[str]:
        """Return the values of a column among the trials that count, ascending."""
        if name not in self.trials.columns:
            return [_level(self.constants.get(name))]
        column = self.trials[name]
        known = [level_of(value) for value in sorted(column.dropna().unique())]
        return list(dict.fromkeys([*known, *([NONE] if column.isna().any() else [])]))


def read_sides(directories: Sequence[ResultsDir]) -> list[Side]:
    """Read two or more sweeps, each with all parameters that differ within or between them.

    Raises:
        ConfigError: there are fewer than two, more than letters, or one is there twice.
        StoreError: one has no trial that counts, or cannot be read.
    """
    _require_several(directories)
    varying = [set(varying_columns(found.path, tuple(PARAMETERS))) for found in directories]
    constants = [
        _constants(found, varies) for found, varies in zip(directories, varying, strict=True)
    ]
    between = {name for name in PARAMETERS if len({_level(c.get(name)) for c in constants}) > 1}
    wanted = between.union(*varying)
    names = [*(n for n in PARAMETERS if n in wanted), *ENDED, HELD_OUT, SECONDS, *VERSIONS]
    names = list(dict.fromkeys([*names, "fixed_epochs", "data_fingerprint"]))
    called = _names(directories)
    return [
        _read(found, letter, name, names, same)
        for found, letter, name, same in zip(directories, LETTERS, called, constants, strict=False)
    ]


def _require_several(directories: Sequence[ResultsDir]) -> None:
    if not 2 <= len(directories) <= len(LETTERS):
        must = f"be given from 2 to {len(LETTERS)} sweeps"
        raise ConfigError.of("compare", must, got=f"{len(directories)}")
    places = [str(found.path) for found in directories]
    twice = [place for place in places if places.count(place) > 1]
    if twice:
        must = "be given each sweep once"
        raise ConfigError.of("compare", must, got=f"{twice[0]} {len(twice)} times")


def _read(
    directory: ResultsDir, letter: str, name: str, columns: list[str], constants: dict[str, object]
) -> Side:
    trials = read_compact(directory.path, [c for c in columns if c != "trial_id"])
    population = population_of(trials, asked_for(directory))
    if population.trials.empty:
        must = "must hold a trial that ended by itself, to be compared (got none)"
        raise StoreError(f"{directory.path}: {must}")
    return Side(letter, printable_line(name), str(directory.path), population, constants)


def _constants(directory: ResultsDir, varying: set[str]) -> dict[str, object]:
    names = [name for name in PARAMETERS if name not in varying]
    for table in iterate_trials(directory.path, names):
        if table.num_rows:
            row = table.slice(0, 1).to_pylist()[0]
            return {name: row[name] for name in names}
    return {}


def _names(directories: Sequence[ResultsDir]) -> list[str]:
    """Return the names of the folders, or their whole paths where two have one name."""
    names = [found.path.name for found in directories]
    if len(set(names)) == len(names):
        return names
    return [str(found.path) for found in directories]


def _level(value: object) -> str:
    return NONE if value is None or pd.isna(value) else level_of(value)  # type: ignore[call-overload]
