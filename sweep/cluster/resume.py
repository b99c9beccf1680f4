"""Finds saved states from which trials can go on. Knows nothing of how they were saved."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from sweep.store.reader import SavedState
from sweep.trial import RESUMABLE, STOP_PARAMETERS, Trial

LIMITS = frozenset({"max_epochs", "max_seconds", "fixed_epochs"})
RULES = tuple(name for name in STOP_PARAMETERS if name not in LIMITS)


def match_starts(
    trials: Iterable[Trial], states: Iterable[SavedState]
) -> dict[str, dict[str, np.ndarray]]:
    """Return for each trial the arrays of the latest state from which it can go on, if any.

    A state serves a trial if no rule of the trial could have been met before it: both have the same
    rules, limits apart, and the state's epoch lies below the trial's limits.

    Args:
        trials: trials to be trained.
        states: what is kept of trials on the same paths.
    """
    paths: dict[str, list[SavedState]] = defaultdict(list)
    for state in states:
        if state.stop_reason in RESUMABLE:
            paths[state.path_id].append(state)
    starts = {}
    for trial in trials:
        serving = [state for state in paths.get(trial.path_id, []) if _serves(state, trial)]
        if serving:
            starts[trial.trial_id] = dict(max(serving, key=lambda state: state.epoch).arrays)
    return starts


def _serves(state: SavedState, trial: Trial) -> bool:
    agree = all(state.stop[name] == getattr(trial, name) for name in RULES)
    return agree and 0 < state.epoch < _limit(trial)


def _limit(trial: Trial) -> int:
    limits = (trial.max_epochs, trial.fixed_epochs)
    return min(limit for limit in limits if limit is not None)
