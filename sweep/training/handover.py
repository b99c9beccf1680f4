"""Tells what another stop rule would have counted along a path. Knows nothing of files or engines.

A rule that no epoch so far has met can take over where another ended: its counters are found in the
lane's ladder, which followed every tolerance and patience that it holds, or are those of the other.
"""

from collections.abc import Mapping

import numpy as np

from sweep.ladder import RUNGS, TOLERANCES
from sweep.training.past import Past, Stop
from sweep.trial import StopReason, Trial

Arrays = Mapping[str, np.ndarray]


def past_of_state(state: Arrays, stop: Stop, reason: StopReason) -> Past:
    """Return what a saved state tells of its training.

    Args:
        state: the arrays of a `LaneState`, one lane wide, in its last phase.
        stop: the stop parameters of its trial, by name.
        reason: why that ended.
    """
    best_epoch = int(state["best_epoch"][0])
    met = state["ladder_epoch"][0].tolist()
    return Past(
        epoch=int(state["epoch"][0]),
        seconds=float(state["seconds"][0]),
        reason=reason,
        stop=stop,
        loss_is_finite=bool(np.isfinite(state["previous_loss"][0])),
        best_loss=float(state["best_loss"][0]) if best_epoch else None,
        best_epoch=best_epoch or None,
        ladder={rung: epoch for rung, epoch in zip(RUNGS, met, strict=True) if epoch},
    )


def counters_of(trial: Trial, state: Arrays, past: Past) -> dict[str, np.ndarray] | None:
    """Return the watch column of `trial` as if it had been judged all along.

    Args:
        trial: on the path of the state.
        state: the arrays of a `LaneState`, one lane wide and with the watch column of its trial.
        past: what they tell, as `past_of_state` gives it.

    Returns:
        The arrays of `WATCH_COLUMNS`, (1, 1) each; None where the trial may have ended before, or
        its counters cannot be told.
    """
    if not past.goes_on(trial):
        return None
    delta, stall = _delta_count(trial, state, past), _stall(trial, state, past)
    if delta is None or stall is None:
        return None
    best, count = stall
    return {
        "live": np.ones((1, 1), bool),
        "delta_count": np.full((1, 1), delta, np.int64),
        "stall_best": np.full((1, 1), best),
        "stall_count": np.full((1, 1), count, np.int64),
    }


def _delta_count(trial: Trial, state: Arrays, past: Past) -> int | None:
    tolerance = trial.delta_tolerance
    if tolerance is None or trial.delta_patience is None:
        return 0
    if tolerance in TOLERANCES:
        return _waited(state, TOLERANCES.index(tolerance))
    if tolerance == past.stop["delta_tolerance"]:
        return int(state["delta_count"][0, 0])
    return None if abs(state["last_delta"][0]) < tolerance else 0


def _stall(trial: Trial, state: Arrays, past: Past) -> tuple[float, int] | None:
    """Return early stopping's best loss and the epochs since."""
    min_delta = trial.early_stopping_min_delta or 0.0
    if trial.early_stopping_patience is None or min_delta == 0.0:
        return float(state["best_loss"][0]), past.epoch - int(state["best_epoch"][0])
    if min_delta in TOLERANCES:
        place = TOLERANCES.index(min_delta)
        return float(state["ladder_best"][0, place]), _waited(state, len(TOLERANCES) + place)
    if min_delta == past.stop["early_stopping_min_delta"]:
        return float(state["stall_best"][0, 0]), int(state["stall_count"][0, 0])
    return None


def _waited(state: Arrays, column: int) -> int:
    return int(state["epoch"][0] - state["ladder_since"][0, column])
