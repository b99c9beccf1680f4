"""What the recorded runs of a sweep ask for, and how to load the data sets that they name."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sweep.datasets import DatasetSpec
from sweep.errors import ConfigError, SweepError
from sweep.planning.identities import Identities
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import asked_runs, read_runs
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
    from sweep.config import parse_config
    from sweep.planning import expand

    runs = asked_runs(directory)
    try:
        with refusing_networks():
            grids = [expand(parse_config(run.config, run.overrides)).cells for run in runs]
    except SweepError as error:
        return NotKnown(str(error).partition("\n")[0])
    if not grids:
        return None
    return Asked(
        np.unique(np.concatenate([cells.trial_ids for cells in grids])),
        np.unique(np.concatenate([cells.path_ids for cells in grids])),
    )


def recorded_datasets(
    directory: ResultsDir, fingerprints: Collection[str]
) -> dict[str, DatasetSpec]:
    """Return how to load data sets, by fingerprint; those that no recorded run names are left out.

    A run whose sweep file is no longer valid, its plugin gone for one, names nothing.
    """
    from sweep.config import parse_config
    from sweep.config.grids.expansion import expand_config

    found: dict[str, DatasetSpec] = {}
    for text, overrides in _recorded(directory):
        if found.keys() >= set(fingerprints):
            break
        try:
            found |= expand_config(parse_config(text, overrides)).datasets
        except ConfigError:
            continue
    return found


def _recorded(directory: ResultsDir) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the recorded sweep files with their overrides, the latest first."""
    for run in reversed(read_runs(directory)):
        yield run.config, run.overrides
    if directory.config.is_file():  # kept where the records of the runs were not
        yield directory.config.read_bytes().decode("utf-8", "replace"), ()
