"""Stop rules and the record of losses, for one lane and epoch at a time.

The twin, in compiled code, of `sweep.engines.stop_rules`, to which the tests hold it. Each rule is
judged by its own function.
"""

# mypy: disable-error-code="no-untyped-call"

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import unwrap
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int8
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import (
    LOSS,
    MONITORED,
    VALIDATION_LOSS,
    Epoch,
    StopRule,
    where,
)
from sweep.components.stopping import REASONS as RULE_REASONS
from sweep.engines.state import COUNTERS, LOSS_RECORD, TAIL_EPOCHS, LaneState, curve_epochs
from sweep.kernel.compilation import compiled
from sweep.kernel.pointers import number_reader
from sweep.kernel.records import Bytes, Doubles, Words
from sweep.kernel.vectors import at, instruction
from sweep.ladder import LEVELS, PATIENCES, RULES, TOLERANCES
from sweep.trial import StopReason

REASONS = (
    None,
    StopReason.DIVERGED,
    *map(StopReason, RULE_REASONS),
    StopReason.EPOCHS,
    StopReason.MAX_EPOCHS,
)
_N_TOLERANCES, _N_PATIENCES, _N_LEVELS = len(TOLERANCES), len(PATIENCES), len(LEVELS)
_N_STEPS = len(RULES) * _N_TOLERANCES
_N_RUNGS = _N_STEPS * _N_PATIENCES + _N_LEVELS
_TOLERANCES, _PATIENCES, _LEVELS = TOLERANCES, PATIENCES, LEVELS
_DIVERGED, *_, _EPOCHS, _MAX_EPOCHS = range(1, len(REASONS))
_N_OPTIONS = sum(1 + len(rule.options) for rule in STOP_RULES.values())
_N_COUNTERS = len(COUNTERS)
LEAST_LOSS, LEAST_VALIDATION_LOSS = 1, 2
"""What `count_epoch` says of an epoch's losses; in the order of `MONITORED`."""
assert MONITORED == (LOSS, VALIDATION_LOSS)


class RuleTable(NamedTuple):
    """`sweep.engines.stop_rules.Rules`: (lanes, watches, ...) each, one after the other."""

    options: Doubles
    epochs: Doubles
    max_epochs: Doubles


class LossRecord(NamedTuple):
    """`LOSS_RECORD` of one monitored loss, and where its ladder stands.

    Attributes:
        next_patience: of the ladder's rules and tolerances: how many patiences are met.
        next_level: how many of its levels are.
    """

    best_loss: Doubles
    best_epoch: Words
    curve: Doubles
    tail: Doubles
    ladder_since: Words
    ladder_best: Doubles
    ladder_epoch: Words
    ladder_loss: Doubles
    next_patience: Words
    next_level: Words

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "LossRecord":
        """Return those of the arrays by name, to be changed in place."""
        own = {name: arrays[name] for name in LOSS_RECORD}
        met = own["ladder_epoch"] > 0
        waited = met[:, :-_N_LEVELS].reshape(-1, _N_PATIENCES)
        return cls(
            **own,
            next_patience=waited.sum(axis=1, dtype=np.int64),
            next_level=met[:, -_N_LEVELS:].sum(axis=1, dtype=np.int64),
        )


class LaneRecords(NamedTuple):
    """The arrays of a `LaneState` that rules and records live in, and what a call adds to them.

    Attributes:
        own: of an epoch's own loss.
        held_out: of that on held-out samples, empty unless `validates`.
        next_point: which epoch of `points`, those of the curve, is the next.
        counters: of the stop rules, (lanes, watches, `COUNTERS`).
        reasons: (lanes, watches), an index into `REASONS`.
        taken: of how many epochs the loss on held-out samples was.
        validates: whether it is taken at all.
        watches, width: columns of the tables of watches, and of the curve.
    """

    epoch: Words
    updates: Words
    previous_loss: Doubles
    last_delta: Doubles
    own: LossRecord
    held_out: LossRecord
    taken: Words
    live: Bytes
    counters: Doubles
    points: Words
    next_point: Words
    reasons: Bytes
    validates: bool
    watches: int
    width: int

    @classmethod
    def of(cls, state: LaneState, reasons: Int8[np.ndarray, "lanes watches"]) -> "LaneRecords":
        """Return the arrays of a state, to be changed in place but for `counters`."""
        own = {name: getattr(state, name) for name in LOSS_RECORD}
        nothing = {name: array[:0] for name, array in own.items()} | {"taken": state.epoch[:0]}
        held_out = state.validation or nothing
        return cls(
            epoch=state.epoch,
            updates=state.updates,
            previous_loss=state.previous_loss,
            last_delta=state.last_delta,
            own=LossRecord.of(own),
            held_out=LossRecord.of(held_out),
            taken=held_out["taken"],
            live=state.live.view(np.int8),
            counters=np.stack([state.counters[n] for n in COUNTERS], axis=-1, dtype=np.float64),
            points=_POINTS,
            next_point=np.searchsorted(_POINTS, state.epoch, side="right"),
            reasons=reasons,
            validates=bool(state.validation),
            watches=state.live.shape[1],
            width=state.curve.shape[1],
        )


_POINTS = np.append(curve_epochs(), np.iinfo(np.int64).max)  # the last is never reached


@compiled
def count_epoch(r: LaneRecords, row: int, loss: float, validation: float, updates: int) -> int:
    """Count an epoch of a lane and record its losses.

    The caller copies the lane's network, parameters and then buffers, into its row of the state's
    `best` of each loss that the result names, where there is such an array: after the updates of
    the epoch, and before a trial that `judge_epoch` stops leaves with the lane.

    Args:
        r: the arrays of the lanes.
        row: of the lane.
        loss: L_t, taken before the updates of the epoch.
        validation: the loss on held-out samples after them, in evaluation mode; nan where it is
            not due, as `sweep.engines.validation.Schedule` says, and inf where it is no number.
        updates: how many the lane has been given in all.

    Returns:
        Which losses are the least so far: `LEAST_LOSS`, `LEAST_VALIDATION_LOSS`, their sum or 0.
    """
    epoch = r.epoch[row] + 1
    r.epoch[row] = epoch
    r.updates[row] = updates
    r.last_delta[row] = loss - r.previous_loss[row]
    r.previous_loss[row] = loss
    point = r.next_point[row]
    place = -1
    if r.points[point] == epoch:
        place = row * r.width + point
        r.next_point[row] = point + 1
    least = 0
    if _note(r.own, row, epoch, loss, place):
        least = LEAST_LOSS
    if math.isfinite(loss):
        _climb(r.own, row, epoch, loss, abs(r.last_delta[row]))
    if not r.validates:
        return least
    if _note(r.held_out, row, epoch, validation, place):
        least += LEAST_VALIDATION_LOSS
    if not math.isnan(validation):
        r.taken[row] += 1
    if math.isfinite(validation) and r.taken[row] == epoch:
        before = r.held_out.tail[row * TAIL_EPOCHS + (epoch - 1) % TAIL_EPOCHS]
        _climb(r.held_out, row, epoch, validation, abs(validation - before))
    return least


@compiled
def _note(r: LossRecord, row: int, epoch: int, loss: float, place: int) -> bool:
    """Record a loss of an epoch, at `place` of the curve unless negative; whether it is the least.

    Of a loss that was not taken, nan is recorded.
    """
    r.tail[row * TAIL_EPOCHS + epoch % TAIL_EPOCHS] = loss
    if place >= 0:
        r.curve[place] = loss
    if loss < r.best_loss[row]:
        r.best_loss[row] = loss
        r.best_epoch[row] = epoch
        return True
    return False


@compiled
def _climb(r: LossRecord, row: int, epoch: int, loss: float, change: float) -> None:
    """Note the rungs of the ladder that an epoch meets, as `sweep.engines.stop_rules`."""
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
            _meet(r, row, k * _N_PATIENCES + met, epoch, loss)
    level = r.next_level[row]
    while level < _N_LEVELS and loss <= _LEVELS[level]:
        _meet(r, row, _N_STEPS * _N_PATIENCES + level, epoch, loss)
        level += 1
    r.next_level[row] = level


@compiled
def _meet(r: LossRecord, row: int, rung: int, epoch: int, loss: float) -> None:
    r.ladder_epoch[row * _N_RUNGS + rung] = epoch
    r.ladder_loss[row * _N_RUNGS + rung] = loss


@overload(where)
def _compile_where(condition: Any, yes: Any, no: Any) -> Callable[..., Any]:
    def where_number(condition: Any, yes: Any, no: Any) -> Any:
        return yes if condition else no

    plain: Callable[..., Any] = unwrap(where_number)
    return plain


@instruction
def _write(typing: Any, pointer: Any, numbers: Any) -> Any:
    """Write a tuple of numbers to where `pointer` points."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values: Any = cgutils.unpack_tuple(builder, args[1])
        for i, number in enumerate(values):
            value = context.cast(builder, number, numbers.types[i], types.float64)
            builder.store(value, builder.gep(args[0], [ir.Constant(ir.IntType(64), i)]))
        return context.get_dummy_value()

    return types.void(pointer, numbers), emit


def _judges(rules: Sequence[StopRule], option: int = 0, counter: int = 0) -> Any:
    """Return what judges a watch by each rule asked for, for the first reason; 0 for none.

    Args:
        rules: in the order of their reasons.
        option: where the options of the first one begin.
        counter: where its counters do.
    """
    if not rules:

        @compiled
        def judge_none(epoch: Epoch, after: Epoch, options: Any, counters: Any) -> int:
            return 0

        return judge_none

    rule, *others = rules
    n_numbers, n_counters = len(rule.numbers), len(rule.counters)
    assert tuple(rule.options)[:n_numbers] == rule.numbers, "what it monitors comes last"
    monitor = option + 1 + n_numbers if "monitor" in rule.options else option
    held_out = MONITORED.index(VALIDATION_LOSS) if "monitor" in rule.options else math.inf
    judge_others = _judges(others, option + 1 + len(rule.options), counter + n_counters)
    judge, own = compiled(rule.judge), REASONS.index(StopReason(rule.reason))
    read_numbers, read_counters = number_reader(n_numbers), number_reader(n_counters)

    @compiled
    def judge_next(epoch: Epoch, after: Epoch, options: Any, counters: Any) -> int:
        met = False
        other = options[monitor] >= held_out
        seen = after if other else epoch
        if options[option] > 0.0 and not (other and math.isnan(after.loss)):
            mine = at(counters, counter)
            given = read_numbers(at(options, option + 1), 1)
            met, counted = judge(seen, given, read_counters(mine, 1))
            _write(mine, counted)
        later = judge_others(epoch, after, options, counters)
        return own if met else later

    return judge_next


_judge_rules = _judges(tuple(STOP_RULES.values()))


@compiled
def judge_epoch(r: LaneRecords, rules: RuleTable, row: int, worst: float) -> bool:
    """Judge every watch of a lane after an epoch; return whether any live one stopped.

    Rules that monitor the loss on held-out samples judge where `count_epoch` was given it.
    """
    loss, number = r.previous_loss[row], r.epoch[row]
    now = row * TAIL_EPOCHS + number % TAIL_EPOCHS
    before = row * TAIL_EPOCHS + (number - 1) % TAIL_EPOCHS
    epoch = Epoch(loss, r.own.tail[before], r.last_delta[row], worst, number)
    after = Epoch(math.nan, math.nan, math.nan, worst, number)
    if r.validates:
        held_out, previous = r.held_out.tail[now], r.held_out.tail[before]
        after = Epoch(held_out, previous, held_out - previous, worst, number)
    stopped = False
    for i in range(row * r.watches, (row + 1) * r.watches):
        reason = _judge_rules(
            epoch, after, at(rules.options, i * _N_OPTIONS), at(r.counters, i * _N_COUNTERS)
        )
        if not math.isfinite(loss):
            reason = _DIVERGED
        elif reason == 0 and number >= rules.epochs[i]:
            reason = _EPOCHS
        elif reason == 0 and number >= rules.max_epochs[i]:
            reason = _MAX_EPOCHS
        if reason > 0 and r.live[i]:
            r.live[i] = 0
            r.reasons[i] = reason
            stopped = True
    return stopped
