"""Stop rules and the record of losses, for one lane and epoch at a time.

The twin, in compiled code, of `sweep.engines.stop_rules`, to which the tests hold it. Each rule is
judged by its own function.
"""

# mypy: disable-error-code="no-untyped-call"

import math
from collections.abc import Callable, Sequence
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

    options: Any
    epochs: Any
    max_epochs: Any


class LossRecord(NamedTuple):
    """`LOSS_RECORD` of one monitored loss, and where its ladder stands.

    Attributes:
        next_patience: of the ladder's rules and tolerances: how many patiences are met.
        next_level: how many of its levels are.
    """

    best_loss: Any
    best_epoch: Any
    curve: Any
    tail: Any
    ladder_since: Any
    ladder_best: Any
    ladder_epoch: Any
    ladder_loss: Any
    next_patience: Any
    next_level: Any


class LaneRecords(NamedTuple):
    """The arrays of a `LaneState` that rules and records live in, and what a call adds to them.

    Those of `LossRecord` are there twice: of an epoch's own loss, and with `validation_` before
    their names of that on held-out samples. The latter are empty unless `validates`.

    Attributes:
        next_point: which epoch of `points`, those of the curve, is the next.
        counters: of the stop rules, (lanes, watches, `COUNTERS`).
        reasons: (lanes, watches), an index into `REASONS`.
        validation_taken: of how many epochs the loss on held-out samples was.
        validates: whether it is taken at all.
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
    next_patience: Any
    next_level: Any
    validation_best_loss: Any
    validation_best_epoch: Any
    validation_curve: Any
    validation_tail: Any
    validation_ladder_since: Any
    validation_ladder_best: Any
    validation_ladder_epoch: Any
    validation_ladder_loss: Any
    validation_next_patience: Any
    validation_next_level: Any
    validation_taken: Any
    live: Any
    counters: Any
    points: Any
    next_point: Any
    reasons: Any
    validates: bool
    watches: int
    width: int

    @classmethod
    def of(cls, state: LaneState, reasons: Int8[np.ndarray, "lanes watches"]) -> "LaneRecords":
        """Return the arrays of a state, to be changed in place but for `counters`."""
        validation = dict(state.validation) or _blanks(state)
        held_out = {name: validation[name] for name in LOSS_RECORD}
        own = {name: getattr(state, name) for name in LOSS_RECORD}
        plain = ("epoch", "updates", "previous_loss", "last_delta")
        arrays = {name: getattr(state, name) for name in plain} | own
        arrays |= {f"validation_{name}": array for name, array in validation.items()}
        assert all(array.flags.c_contiguous for array in arrays.values()), "they change in place"
        standing = {f"validation_{name}": places for name, places in _standing(held_out).items()}
        return cls(
            **arrays | _standing(own) | standing,
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


def _blanks(state: LaneState) -> dict[str, np.ndarray]:
    """Return the arrays of a loss that is not taken: as `LOSS_RECORD`, of no lane."""
    return {name: getattr(state, name)[:0] for name in LOSS_RECORD} | {"taken": state.epoch[:0]}


def _standing(record: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    met = record["ladder_epoch"] > 0
    waited = met[:, :-_N_LEVELS].reshape(-1, _N_PATIENCES)
    return {
        "next_patience": waited.sum(axis=1, dtype=np.int64),
        "next_level": met[:, -_N_LEVELS:].sum(axis=1, dtype=np.int64),
    }


@compiled
def _own_record(r: LaneRecords) -> LossRecord:
    return LossRecord(
        r.best_loss,
        r.best_epoch,
        r.curve,
        r.tail,
        r.ladder_since,
        r.ladder_best,
        r.ladder_epoch,
        r.ladder_loss,
        r.next_patience,
        r.next_level,
    )


@compiled
def _held_out_record(r: LaneRecords) -> LossRecord:
    return LossRecord(
        r.validation_best_loss,
        r.validation_best_epoch,
        r.validation_curve,
        r.validation_tail,
        r.validation_ladder_since,
        r.validation_ladder_best,
        r.validation_ladder_epoch,
        r.validation_ladder_loss,
        r.validation_next_patience,
        r.validation_next_level,
    )


@compiled
def count_epoch(r: LaneRecords, row: int, loss: float, validation: float) -> int:
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

    Returns:
        Which losses are the least so far: `LEAST_LOSS`, `LEAST_VALIDATION_LOSS`, their sum or 0.
    """
    epoch = r.epoch[row] + 1
    r.epoch[row] = epoch
    r.updates[row] += 1
    r.last_delta[row] = loss - r.previous_loss[row]
    r.previous_loss[row] = loss
    point = r.next_point[row]
    place = -1
    if r.points[point] == epoch:
        place = row * r.width + point
        r.next_point[row] = point + 1
    own = _own_record(r)
    least = 0
    if _note(own, row, epoch, loss, place):
        least = LEAST_LOSS
    if math.isfinite(loss):
        _climb(own, row, epoch, loss, abs(r.last_delta[row]))
    if not r.validates:
        return least
    held_out = _held_out_record(r)
    if _note(held_out, row, epoch, validation, place):
        least += LEAST_VALIDATION_LOSS
    if not math.isnan(validation):
        r.validation_taken[row] += 1
    if math.isfinite(validation) and r.validation_taken[row] == epoch:
        before = held_out.tail[row * TAIL_EPOCHS + (epoch - 1) % TAIL_EPOCHS]
        _climb(held_out, row, epoch, validation, abs(validation - before))
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


def _reader(count: int) -> Any:
    """Return what reads a tuple of so many numbers from where a pointer points."""

    @instruction
    def read(typing: Any, pointer: Any) -> Any:
        kind: Any = types.Tuple((types.float64,) * count)

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            places = [builder.gep(args[0], [ir.Constant(ir.IntType(64), i)]) for i in range(count)]
            return context.make_tuple(builder, kind, list(map(builder.load, places)))

        return kind(pointer), emit

    return read


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
    read_numbers, read_counters = _reader(n_numbers), _reader(n_counters)

    @compiled
    def judge_next(epoch: Epoch, after: Epoch, options: Any, counters: Any) -> int:
        met = False
        other = options[monitor] >= held_out
        seen = after if other else epoch
        if options[option] > 0.0 and not (other and math.isnan(after.loss)):
            mine = at(counters, counter)
            met, counted = judge(seen, read_numbers(at(options, option + 1)), read_counters(mine))
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
    epoch = Epoch(loss, r.tail[before], r.last_delta[row], worst, number)
    after = Epoch(math.nan, math.nan, math.nan, worst, number)
    if r.validates:
        held_out, previous = r.validation_tail[now], r.validation_tail[before]
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
