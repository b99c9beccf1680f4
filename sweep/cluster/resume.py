"""Finds saved states from which trials can go on. Knows nothing of how they were saved."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from sweep.trial import RESUMABLE, STOP_PARAMETERS, StopReason, Trial

LIMITS = frozenset({"max_epochs", "max_seconds", "fixed_epochs"})
RULES = tuple(name for name in STOP_PARAMETERS if name not in LIMITS)


class SavedState(Protocol):
    """A lane as it was at the end of a trial."""

    @property
    def path_id(self) -> str: ...

    @property
    def stop_reason(self) -> StopReason: ...

    @property
    def epoch(self) -> int: ...

    @property
    def stop(self) -> Mapping[str, float | int | None]: ...

    @property
    def arrays(self) -> Mapping[str, np.ndarray]: ...


def match_starts(
    trials: Iterable[Trial], states: Iterable[SavedState]
) -> dict[str, dict[str, np.ndarray]]:
    """Return for each path the arrays of the latest state from which all its trials can go on.

    A state serves a trial if no rule of the trial could have been met before it: both have the same
    rules, limits apart, and the state's epoch lies below the trial's limits.

    Args:
        trials: trials to be trained.
        states: what is kept of trials on the same paths.
    """
    paths: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        paths[trial.path_id].append(trial)
    best: dict[str, SavedState] = {}
    for state in states:
        path = paths.get(state.path_id, [])
        if path and _serves(state, path) and state.epoch > _epoch(best.get(state.path_id)):
            best[state.path_id] = state
    return {path_id: dict(state.arrays) for path_id, state in best.items()}


def _serves(state: SavedState, trials: Sequence[Trial]) -> bool:
    return state.stop_reason in RESUMABLE and all(
        state.epoch < _limit(trial) and _rules_agree(state, trial) for trial in trials
    )


def _rules_agree(state: SavedState, trial: Trial) -> bool:
    return all(state.stop[name] == getattr(trial, name) for name in RULES)


def _limit(trial: Trial) -> int:
    limits = (trial.max_epochs, trial.fixed_epochs)
    return min(limit for limit in limits if limit is not None)


def _epoch(state: SavedState | None) -> int:
    return state.epoch if state else 0
