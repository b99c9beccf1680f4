"""What the recorded runs of a sweep ask for, and how to load the data sets that they name."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sweep.datasets import DatasetSpec
from sweep.errors import ConfigError, SweepError
from sweep.planning.identities import Identities, identity_numbers
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import RecordedRun, asked_runs, read_runs
from sweep.store.searches import asked_trials
from sweep.trust import refusing_networks


@dataclass(frozen=True)
class Asked:
    """The trials that a sweep file asks for, by their identities as numbers."""

    trial_ids: Identities
    path_ids: Identities


@dataclass(frozen=True)
class NotKnown:
    """What a sweep file asks for cannot be told, for that reason."""

    reason: str


def asked_for(directory: ResultsDir) -> Asked | NotKnown | None:
    """Return what the recorded runs ask for, as `asked_runs` says; None where none is recorded.

    A file that cannot be read any more, its plugin refused for one, makes it `NotKnown`.
    """
    runs = asked_runs(directory)
    try:
        with refusing_networks():
            parts = [_asked_by(directory, run) for run in runs]
    except SweepError as error:
        return NotKnown(str(error).partition("\n")[0])
    if not parts:
        return None
    return Asked(
        np.unique(np.concatenate([part.trial_ids for part in parts])),
        np.unique(np.concatenate([part.path_ids for part in parts])),
    )


def asked_of_search(directory: ResultsDir, name: str) -> Asked:
    """Return what a search that learns from results asked for.

    Raises:
        StoreError: if it is not recorded.
    """
    trials = asked_trials(directory, name)
    return Asked(identity_numbers(trials), identity_numbers(set(trials.values())))


def _asked_by(directory: ResultsDir, run: RecordedRun) -> Asked:
    """Return what a run asked for; of a search that learns from results, what it proposed.

    Raises:
        SweepError: it cannot be told.
    """
    from sweep.config import parse_config
    from sweep.planning import expand

    config = parse_config(run.config, run.overrides)
    if config.search and config.search.optuna:
        return asked_of_search(directory, config.name)
    cells = expand(config).cells
    return Asked(cells.trial_ids, cells.path_ids)


def recorded_datasets(
    directory: ResultsDir, fingerprints: Collection[str]
) -> dict[str, DatasetSpec]:
    """Return how to load data sets, by fingerprint; those that no recorded run names are left out.

    A run whose sweep file is no longer valid, its plugin gone for one, names nothing.
    """
    from sweep.config import parse_config
    from sweep.config.grids.expansion import expand_config

    found: dict[str, DatasetSpec] = {}
    for text, overrides in recorded_files(directory):
        if found.keys() >= set(fingerprints):
            break
        try:
            found |= expand_config(parse_config(text, overrides)).datasets
        except ConfigError:
            continue
    return found


def recorded_files(directory: ResultsDir) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the recorded sweep files with their overrides, the latest first."""
    for run in reversed(read_runs(directory)):
        yield run.config, run.overrides
    if directory.config.is_file():  # kept where the records of the runs were not
        yield directory.config.read_bytes().decode("utf-8", "replace"), ()
