"""Tells what another stop rule would have counted along a path. Knows nothing of files or engines.

A rule that no epoch so far has met can take over where another ended: its counters are found in the
lane's ladder, which followed every tolerance and patience that it holds.
"""

from collections.abc import Mapping

import numpy as np

from sweep.ladder import RUNGS, TOLERANCES, Rung
from sweep.trial import Trial

Arrays = Mapping[str, np.ndarray]


def counters_of(trial: Trial, state: Arrays) -> dict[str, np.ndarray] | None:
    """Return the watch column of `trial` as if it had been judged all along.

    Args:
        trial: on the path of the state.
        state: the arrays of a `LaneState`, one lane wide.

    Returns:
        The arrays of `WATCH_COLUMNS`, (1, 1) each; None where the trial may have ended before, or
        its counters cannot be told.
    """
    delta = _delta_count(trial, state)
    stall = _stall(trial, state)
    too_low = trial.target_loss is not None and state["best_loss"][0] <= trial.target_loss
    if delta is None or stall is None or too_low or trial.pattern_margin is not None:
        return None
    best, count = stall
    return {
        "live": np.ones((1, 1), bool),
        "delta_count": np.full((1, 1), delta, np.int64),
        "stall_best": np.full((1, 1), best),
        "stall_count": np.full((1, 1), count, np.int64),
    }


def _delta_count(trial: Trial, state: Arrays) -> int | None:
    tolerance, patience = trial.delta_tolerance, trial.delta_patience
    if tolerance is None or patience is None:
        return 0
    if not _is_unmet("delta", tolerance, patience, state):
        return None
    if tolerance in TOLERANCES:
        return _waited(state, TOLERANCES.index(tolerance))
    return None if abs(state["last_delta"][0]) < tolerance else 0


def _stall(trial: Trial, state: Arrays) -> tuple[float, int] | None:
    """Return early stopping's best loss and the epochs since."""
    min_delta, patience = trial.early_stopping_min_delta, trial.early_stopping_patience
    epoch = int(state["epoch"][0])
    if patience is None or min_delta is None:
        return float(state["best_loss"][0]), epoch - int(state["best_epoch"][0])
    if not _is_unmet("early_stopping", min_delta, patience, state):
        return None
    if min_delta == 0.0:
        return float(state["best_loss"][0]), epoch - int(state["best_epoch"][0])
    if min_delta not in TOLERANCES:
        return None
    place = TOLERANCES.index(min_delta)
    return float(state["ladder_best"][0, place]), _waited(state, len(TOLERANCES) + place)


def _waited(state: Arrays, column: int) -> int:
    return int(state["epoch"][0] - state["ladder_since"][0, column])


def _is_unmet(rule: str, tolerance: float, patience: int, state: Arrays) -> bool:
    """Whether a rung of the ladder that is met no later has not been met either."""
    met = state["ladder_epoch"][0] > 0
    return any(
        _comes_first(rung, rule, tolerance, patience) and not met[place]
        for place, rung in enumerate(RUNGS)
    )


def _comes_first(rung: Rung, rule: str, tolerance: float, patience: int) -> bool:
    """Whether a rung is met no later than a rule, on any path.

    The delta rule is met the sooner the larger its tolerance. Of early stopping that holds between
    min_delta 0 and any other alone: at two others, bests are renewed at different epochs.
    """
    delta = rule == "delta"
    sooner = rung.tolerance >= tolerance if delta else tolerance in (0.0, rung.tolerance)
    return rung.rule == rule and sooner and rung.patience <= patience
