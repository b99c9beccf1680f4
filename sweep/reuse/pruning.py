"""Finds the trials of a table that no sweep file asks for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool

from sweep.config import SweepConfig, parse_config
from sweep.errors import StoreError
from sweep.planning.grid import expand
from sweep.planning.identities import Identities, identity_numbers
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.runs import asked_runs
from sweep.store.searches import asked_trials
from sweep.store.tables.reader import done_ids, read_trials
from sweep.store.tables.snapshot import read_rows
from sweep.trial import Status

ENDED = (Status.FINISHED, Status.DIVERGED)
"""Statuses of results that cost training: removed only when asked for."""


@dataclass(frozen=True)
class Pruning:
    """The trials of a table that no sweep file asks for, by what happens to them.

    Attributes:
        trials: how many the table holds.
        removed: those to remove, with columns trial_id and status.
        ended: those that are kept since they ended by themselves.
        needed: those that are kept since trials asked for can go on from them: a trial of the path
            is still to be trained, or the path has no other saved state.
    """

    trials: int
    removed: pd.DataFrame
    ended: pd.DataFrame
    needed: pd.DataFrame


def recorded_configs(directory: ResultsDir) -> list[SweepConfig]:
    """Return what the recorded runs ask for, as `asked_runs` says.

    Raises:
        StoreError: if no run is recorded.
        ConfigError: if the file is not valid any more.
    """
    runs = asked_runs(directory)
    if not runs:
        raise StoreError(
            f"{directory.path}: must have a recorded run to know what is asked for (got none); "
            "name the sweep file"
        )
    where = str(directory.config)
    return [parse_config(run.config, run.overrides, source=where) for run in runs]


def find_unwanted(
    directory: ResultsDir, configs: Sequence[SweepConfig], *, ended: bool = False
) -> Pruning:
    """Return the trials that none of the sweeps asks for; `ended` ones are removed only if told."""
    done = done_ids(directory.path)
    asked = [_asked_by(config, directory, done) for config in configs]
    trials = read_trials(directory.path, ["path_id", "status"])
    wanted, paths, lacking = (np.concatenate(parts) for parts in zip(*asked, strict=True))
    unwanted = trials[~np.isin(identity_numbers(trials["trial_id"]), wanted)]
    is_needed = np.isin(identity_numbers(unwanted["path_id"]), lacking)
    is_needed |= _holds_last_state(directory, unwanted, wanted, paths)
    has_ended = unwanted["status"].isin(ENDED) & (not ended)
    return Pruning(
        trials=len(trials),
        removed=unwanted[~is_needed & ~has_ended],
        ended=unwanted[~is_needed & has_ended],
        needed=unwanted[is_needed],
    )


def _asked_by(
    config: SweepConfig, directory: ResultsDir, done: Collection[str]
) -> tuple[Identities, Identities, Identities]:
    """Return the trials that a sweep asks for, their paths, and the paths of those not done.

    Raises:
        StoreError: it is a search that learns from results, and what it asked for is not recorded.
    """
    if config.search and config.search.optuna:
        asked = asked_trials(directory, config.name)
        lacking = [path_id for trial_id, path_id in asked.items() if trial_id not in done]
        held = identity_numbers(asked), identity_numbers(asked.values())
        return (*held, identity_numbers(lacking))
    grid = expand(config)
    cells = grid.cells
    return cells.trial_ids, cells.path_ids, cells.take(grid.missing(done)).path_ids


def _holds_last_state(
    directory: ResultsDir, unwanted: pd.DataFrame, wanted: Identities, paths: Identities
) -> Bool[np.ndarray, " unwanted"]:
    """Return which trials have a state of a path asked for, of which no trial asked for has one."""
    states = read_rows(directory.path, TableName.STATE, columns=["trial_id", "path_id"])
    held = states.to_pandas()
    own = np.isin(identity_numbers(held["trial_id"]), wanted)
    lone = np.setdiff1d(paths, identity_numbers(held["path_id"][own]))
    has_state = unwanted["trial_id"].isin(held["trial_id"]).to_numpy(bool)
    return has_state & np.isin(identity_numbers(unwanted["path_id"]), lone)
