"""Applies the stop rules to lanes side by side after each epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import Epoch, StopRule
from sweep.engines.state import TAIL_EPOCHS, Lanes, LaneState, curve_epochs
from sweep.ladder import LEVELS, PATIENCES, RUNGS, TOLERANCES
from sweep.trial import StopReason

NEVER = np.inf
_CURVE = curve_epochs()


@dataclass(frozen=True)
class Rules:
    """The stop rules of lanes side by side; never met where not asked for.

    Attributes:
        options: of every rule in turn: 1 where it is asked for, else 0, and then its options.
        epochs, max_epochs: the limits.
    """

    options: Float64[np.ndarray, "lanes watches columns"]
    epochs: Float64[np.ndarray, "lanes watches"]
    max_epochs: Float64[np.ndarray, "lanes watches"]

    @classmethod
    def of(cls, lanes: Lanes) -> "Rules":
        options = np.full((len(lanes), lanes.width, sum(map(_width, STOP_RULES.values()))), np.nan)
        for place, rule in _placed():
            options[:, :, place] = 0.0
            for row, lane in enumerate(lanes.lanes):
                for watch, trial in enumerate(lane.trials):
                    if (asked := rule.asked(vars(trial))) is not None:
                        options[row, watch, place : place + _width(rule)] = (1, *asked.values())
        return cls(
            options=options,
            epochs=lanes.rule("fixed_epochs", NEVER),
            max_epochs=lanes.rule("max_epochs", NEVER),
        )

    @property
    def need_outputs(self) -> bool:
        """Whether any rule looks at the outputs themselves."""
        return any(rule.needs_outputs for rule, *_ in self.asked())

    def asked(self) -> Iterator[tuple[StopRule, Bool[np.ndarray, "lanes watches"], Any]]:
        """Yield each rule that any trial asks for, with a mask of these trials and its options."""
        for place, rule in _placed():
            asked = self.options[:, :, place] > 0
            if asked.any():
                columns = range(place + 1, place + _width(rule))
                yield rule, asked, tuple(self.options[:, :, column] for column in columns)


def _width(rule: StopRule) -> int:
    return 1 + len(rule.options)


def _placed() -> Iterator[tuple[int, StopRule]]:
    """Yield each rule with its first column among the options of all."""
    place = 0
    for rule in STOP_RULES.values():
        yield place, rule
        place += _width(rule)


def judge(
    rules: Rules,
    state: LaneState,
    *,
    losses: Float64[np.ndarray, " lanes"],
    worst_errors: Float64[np.ndarray, " lanes"] | None,
) -> list[tuple[int, int, StopReason]]:
    """Apply the rules to the losses of an epoch; return (row, watch, reason) of trials that stop.

    Counts the epoch, updates the counters of every rule and the recorded losses, and clears `live`.
    Where several rules are met at once the first of `StopReason`'s order below is the reason.

    Args:
        rules: of the lanes of `state`.
        state: changed in place.
        losses: L_t of every lane, taken before the update of this epoch.
        worst_errors: the largest |output - target| of every lane, if any rule needs it.
    """
    previous = state.previous_loss[:, None].copy()
    _count(state, losses)
    number = state.epoch[:, None]
    worst = np.full(len(losses), np.nan) if worst_errors is None else worst_errors
    change = state.last_delta[:, None]
    epoch = Epoch(losses[:, None], previous, change, worst[:, None], number)
    met = {StopReason.DIVERGED: ~np.isfinite(losses)[:, None]}
    for rule, asked, options in rules.asked():
        reason = StopReason(rule.reason)
        met[reason] = met.get(reason, False) | (asked & _judged(rule, epoch, options, asked, state))
    met[StopReason.EPOCHS] = number >= rules.epochs
    met[StopReason.MAX_EPOCHS] = number >= rules.max_epochs
    stopping = state.live & np.logical_or.reduce(
        [np.broadcast_to(m, state.live.shape) for m in met.values()]
    )
    if not stopping.any():
        return []
    state.live &= ~stopping
    stops = []
    for row, watch in np.argwhere(stopping).tolist():
        reason = next(r for r, m in met.items() if np.broadcast_to(m, state.live.shape)[row, watch])
        stops.append((row, watch, reason))
    return stops


def _count(state: LaneState, losses: Float64[np.ndarray, " lanes"]) -> None:
    """Count the epoch and record its loss."""
    rows = np.arange(len(state))
    state.epoch += 1
    with np.errstate(invalid="ignore"):  # a diverged loss may follow another
        state.last_delta[:] = losses - state.previous_loss
    state.previous_loss[:] = losses
    better = losses < state.best_loss
    np.copyto(state.best_loss, losses, where=better)
    np.copyto(state.best_epoch, state.epoch, where=better)
    state.tail[rows, state.epoch % TAIL_EPOCHS] = losses
    points = np.searchsorted(_CURVE, state.epoch)
    due = _CURVE[points] == state.epoch
    if due.any():
        state.curve[rows[due], points[due]] = losses[due]
    climb(state)


def _judged(
    rule: StopRule,
    epoch: Epoch,
    options: Any,
    asked: Bool[np.ndarray, "lanes watches"],
    state: LaneState,
) -> Any:
    """Return whether a rule is met, and update its counters where it is asked for."""
    counters = [state.counters[name] for name in rule.counters]
    with np.errstate(invalid="ignore", over="ignore"):
        met, after = rule.judge(epoch, options, tuple(counters))
    for array, values in zip(counters, after, strict=True):
        np.copyto(array, values, where=asked, casting="unsafe")
    return met


def recorded_curve(
    state: LaneState, row: int
) -> tuple[Int64[np.ndarray, " points"], Float64[np.ndarray, " points"]]:
    """Return a lane's recorded epochs and losses, ascending: log-spaced ones and the last few."""
    last = int(state.epoch[row])
    reached = np.searchsorted(_CURVE, last, side="right")
    tail = np.arange(max(1, last - TAIL_EPOCHS + 1), last + 1)
    epochs = np.concatenate([_CURVE[:reached], tail])
    losses = np.concatenate([state.curve[row, :reached], state.tail[row, tail % TAIL_EPOCHS]])
    unique, first = np.unique(epochs, return_index=True)
    return unique, losses[first]


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
