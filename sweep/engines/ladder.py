"""Notes when each rung of the ladder is met: the stop rules that every training follows."""

import numpy as np

from sweep.engines.state import LaneState
from sweep.ladder import LEVELS, PATIENCES, RUNGS, TOLERANCES

_TOLERANCES, _PATIENCES, _LEVELS = map(np.array, (TOLERANCES, PATIENCES, LEVELS))


def climb(state: LaneState) -> None:
    """Take in the losses of an epoch, already counted, and note the rungs that it meets.

    An epoch whose loss is not finite meets none: a trial with any of the rules diverges there.
    """
    loss, epoch = state.previous_loss[:, None], state.epoch[:, None]
    finite = np.isfinite(loss)
    moved = finite & ~(np.abs(state.last_delta)[:, None] < _TOLERANCES)
    better = finite & (loss < state.ladder_best - _TOLERANCES)
    np.copyto(state.ladder_best, loss, where=better)
    np.copyto(state.ladder_since, epoch, where=np.concatenate([moved, better], axis=1))
    waited = (epoch - state.ladder_since)[:, :, None] >= _PATIENCES
    met = np.concatenate([waited.reshape(len(state), -1), loss <= _LEVELS], axis=1)
    first = finite & met & (state.ladder_epoch == 0)
    if first.any():
        np.copyto(state.ladder_epoch, epoch, where=first)
        np.copyto(state.ladder_loss, loss, where=first)


def recorded_ladder(state: LaneState, row: int) -> dict[str, np.ndarray]:
    """Return the rungs that a lane has met, as columns of the table `ladder`."""
    met = np.flatnonzero(state.ladder_epoch[row])
    rungs = [RUNGS[place] for place in met]
    return {
        "rule": np.array([rung.rule for rung in rungs], object),
        "tolerance": np.array([rung.tolerance for rung in rungs], np.float64),
        "patience": np.array([rung.patience for rung in rungs], np.int64),
        "epoch": state.ladder_epoch[row, met],
        "loss": state.ladder_loss[row, met],
    }
