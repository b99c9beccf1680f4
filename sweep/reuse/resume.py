"""Finds the saved states from which trials can resume."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from sweep.engines.start import slot_names
from sweep.engines.state import LaneState
from sweep.ladder import restored_by
from sweep.plugins.components import component_of
from sweep.store.tables.reader import SavedState
from sweep.training.handover import counters_of, past_of_state
from sweep.training.past import limit_of
from sweep.trial import RESUMABLE, STOP_PARAMETERS, Status, Trial

LIMITS = frozenset({"max_epochs", "max_seconds", "fixed_epochs"})
GOES_ON = (Status.FINISHED, Status.CANCELLED, Status.PRUNED)
"""Statuses of trainings that others on their path can go on from."""
RULES = tuple(name for name in STOP_PARAMETERS if name not in LIMITS)


def match_starts(
    trials: Iterable[Trial], states: Iterable[SavedState]
) -> dict[str, dict[str, np.ndarray]]:
    """Return for each trial the arrays of the latest state from which it can go on, if any.

    A state serves a trial if no rule of the trial was met before it, and it lies below the trial's
    limits, epochs and seconds: both have the same rules, limits apart, and a limit or the user
    ended the one; or the state tells what the trial's own rules would have counted.

    Args:
        trials: trials to be trained.
        states: what is kept of trials on the same paths.
    """
    paths: dict[str, list[SavedState]] = defaultdict(list)
    for state in states:
        if state.stop_reason.status in GOES_ON:
            paths[state.path_id].append(state)
    starts = {}
    for trial in trials:
        saved = sorted(paths.get(trial.path_id, []), key=lambda state: -state.epoch)
        found = (
            _start(state, trial)
            for state in saved
            if _has_begun(state) and state.epoch < limit_of(trial)
        )
        start = next((start for start in found if start is not None), None)
        if start is not None:
            starts[trial.trial_id] = start
    return starts


def _start(state: SavedState, trial: Trial) -> dict[str, np.ndarray] | None:
    """Return the arrays to go on from, with the counters of the trial's own rules."""
    arrays = _readable(state.arrays, trial)
    if arrays is None:
        return None
    if trial.max_seconds is not None and arrays["seconds"][0] >= trial.max_seconds:
        return None
    if not _keeps_best(arrays, trial):
        return None
    agree = all(state.stop[name] == getattr(trial, name) for name in RULES)
    if agree and state.stop_reason in RESUMABLE:
        return arrays
    if state.epoch == 0:  # cancelled in pretraining, before the ladder
        return None
    past = past_of_state(arrays, state.stop, state.stop_reason)
    counters = counters_of(trial, arrays, past)
    return None if counters is None else arrays | counters


def _keeps_best(arrays: Mapping[str, np.ndarray], trial: Trial) -> bool:
    """Whether a state has the best weights so far, if the trial restores them."""
    by = restored_by(vars(trial), held_out="validation.taken" in arrays)
    if by is None or not LaneState.of_arrays(dict(arrays)).in_last_phase[0]:
        return True
    return f"best.{by}" in arrays and not np.isnan(arrays[f"best.{by}"]).all()


def _readable(saved: Mapping[str, np.ndarray], trial: Trial) -> dict[str, np.ndarray] | None:
    """Return the arrays of a state of any version as this one has them; None if it lacks some."""
    try:
        arrays = LaneState.of_arrays(dict(saved)).arrays()
    except ValueError:
        return None
    slots = {f"slots.{name}" for name in slot_names(trial)}
    scalars = {f"scalars.{name}" for name in component_of(trial, "optimizer")[0].scalars}
    return arrays if slots | scalars <= arrays.keys() else None


def _has_begun(state: SavedState) -> bool:
    return state.epoch > 0 or "phases.phase" in state.arrays
