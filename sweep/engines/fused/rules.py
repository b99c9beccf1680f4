"""Stop rules and the record of losses, for one lane and epoch at a time. Knows no networks.

The twin, in compiled code, of `sweep.engines.stop_rules`, to which the tests hold it.
"""

import math
from typing import Any, NamedTuple

from sweep.engines.state import TAIL_EPOCHS
from sweep.kernel.compilation import compiled
from sweep.ladder import LEVELS, PATIENCES, RULES, TOLERANCES
from sweep.trial import StopReason

REASONS = (
    None,
    StopReason.DIVERGED,
    StopReason.CONVERGED,
    StopReason.TARGET,
    StopReason.PATTERN,
    StopReason.EPOCHS,
    StopReason.MAX_EPOCHS,
)
_N_TOLERANCES, _N_PATIENCES, _N_LEVELS = len(TOLERANCES), len(PATIENCES), len(LEVELS)
_N_STEPS = len(RULES) * _N_TOLERANCES
_N_RUNGS = _N_STEPS * _N_PATIENCES + _N_LEVELS
_TOLERANCES, _PATIENCES, _LEVELS = TOLERANCES, PATIENCES, LEVELS
_DIVERGED, _CONVERGED, _TARGET, _PATTERN, _EPOCHS, _MAX_EPOCHS = range(1, len(REASONS))


class RuleTable(NamedTuple):
    """`sweep.engines.stop_rules.Rules`: (lanes, watches) each, one after the other."""

    delta_tolerance: Any
    delta_patience: Any
    stall_min_delta: Any
    stall_patience: Any
    target: Any
    margin: Any
    epochs: Any
    max_epochs: Any


class Record(NamedTuple):
    """The arrays of a `LaneState` that rules and records live in, and what a call adds to them.

    Attributes:
        next_point: which epoch of `points`, those of the curve, is the next.
        next_patience: of the ladder's rules and tolerances: how many patiences are met.
        next_level: how many of its levels are.
        reasons: (lanes, watches), an index into `REASONS`.
        watches, width: columns of the tables of watches, and of the curve.
    """

    epoch: Any
    updates: Any
    previous_loss: Any
    last_delta: Any
    best_loss: Any
    best_epoch: Any
    curve: Any
    tail: Any
    ladder_since: Any
    ladder_best: Any
    ladder_epoch: Any
    ladder_loss: Any
    live: Any
    delta_count: Any
    stall_best: Any
    stall_count: Any
    points: Any
    next_point: Any
    next_patience: Any
    next_level: Any
    reasons: Any
    watches: int
    width: int


@compiled
def count_epoch(r: Record, row: int, loss: float) -> None:
    """Count an epoch of a lane and record its loss."""
    epoch = r.epoch[row] + 1
    r.epoch[row] = epoch
    r.updates[row] += 1
    r.last_delta[row] = loss - r.previous_loss[row]
    r.previous_loss[row] = loss
    if loss < r.best_loss[row]:
        r.best_loss[row] = loss
        r.best_epoch[row] = epoch
    r.tail[row * TAIL_EPOCHS + epoch % TAIL_EPOCHS] = loss
    point = r.next_point[row]
    if r.points[point] == epoch:
        r.curve[row * r.width + point] = loss
        r.next_point[row] = point + 1
    if math.isfinite(loss):
        _climb(r, row, loss)


@compiled
def _climb(r: Record, row: int, loss: float) -> None:
    """Note the rungs of the ladder that an epoch meets, as `sweep.engines.ladder`."""
    epoch, change = r.epoch[row], abs(r.last_delta[row])
    first, best = row * _N_STEPS, row * _N_TOLERANCES
    for k in range(_N_TOLERANCES):
        if not change < _TOLERANCES[k]:
            r.ladder_since[first + k] = epoch
        if loss < r.ladder_best[best + k] - _TOLERANCES[k]:
            r.ladder_best[best + k] = loss
            r.ladder_since[first + _N_TOLERANCES + k] = epoch
    for k in range(_N_STEPS):
        met = r.next_patience[first + k]
        if met < _N_PATIENCES and epoch - r.ladder_since[first + k] >= _PATIENCES[met]:
            r.next_patience[first + k] = met + 1
            _meet(r, row, k * _N_PATIENCES + met, loss)
    level = r.next_level[row]
    while level < _N_LEVELS and loss <= _LEVELS[level]:
        _meet(r, row, _N_STEPS * _N_PATIENCES + level, loss)
        level += 1
    r.next_level[row] = level


@compiled
def _meet(r: Record, row: int, rung: int, loss: float) -> None:
    r.ladder_epoch[row * _N_RUNGS + rung] = r.epoch[row]
    r.ladder_loss[row * _N_RUNGS + rung] = loss


@compiled
def judge_epoch(r: Record, rules: RuleTable, row: int, worst: float) -> bool:
    """Judge every watch of a lane after an epoch; return whether any live one stopped."""
    stopped = False
    for i in range(row * r.watches, (row + 1) * r.watches):
        reason = _judge_watch(r, rules, row, i, worst)
        if reason > 0 and r.live[i]:
            r.live[i] = 0
            r.reasons[i] = reason
            stopped = True
    return stopped


@compiled
def _judge_watch(r: Record, rules: RuleTable, row: int, i: int, worst: float) -> int:
    loss, epoch = r.previous_loss[row], r.epoch[row]
    close = abs(r.last_delta[row]) < rules.delta_tolerance[i]
    r.delta_count[i] = r.delta_count[i] + 1 if close else 0
    if loss < r.stall_best[i] - rules.stall_min_delta[i]:
        r.stall_best[i] = loss
        r.stall_count[i] = 0
    else:
        r.stall_count[i] += 1
    if not math.isfinite(loss):
        return _DIVERGED
    if r.delta_count[i] >= rules.delta_patience[i] or r.stall_count[i] >= rules.stall_patience[i]:
        return _CONVERGED
    if loss <= rules.target[i]:
        return _TARGET
    if worst <= rules.margin[i]:
        return _PATTERN
    if epoch >= rules.epochs[i]:
        return _EPOCHS
    return _MAX_EPOCHS if epoch >= rules.max_epochs[i] else 0
