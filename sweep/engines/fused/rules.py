"""Stop rules and the record of losses, for one lane and epoch at a time.

The twin, in compiled code, of `sweep.engines.stop_rules`, to which the tests hold it. Each rule is
judged by its own function.
"""

# mypy: disable-error-code="no-untyped-call"

import math
from collections.abc import Callable, Sequence
from inspect import unwrap
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import overload

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import REASONS as RULE_REASONS
from sweep.components.stopping import Epoch, StopRule, where
from sweep.engines.state import COUNTERS, TAIL_EPOCHS
from sweep.kernel.compilation import compiled
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


class RuleTable(NamedTuple):
    """`sweep.engines.stop_rules.Rules`: (lanes, watches, ...) each, one after the other."""

    options: Doubles
    epochs: Doubles
    max_epochs: Doubles


class LaneRecords(NamedTuple):
    """The arrays of a `LaneState` that rules and records live in, and what a call adds to them.

    Attributes:
        next_point: which epoch of `points`, those of the curve, is the next.
        next_patience: of the ladder's rules and tolerances: how many patiences are met.
        next_level: how many of its levels are.
        counters: of the stop rules, (lanes, watches, `COUNTERS`).
        reasons: (lanes, watches), an index into `REASONS`.
        watches, width: columns of the tables of watches, and of the curve.
    """

    epoch: Words
    updates: Words
    previous_loss: Doubles
    last_delta: Doubles
    best_loss: Doubles
    best_epoch: Words
    curve: Doubles
    tail: Doubles
    ladder_since: Words
    ladder_best: Doubles
    ladder_epoch: Words
    ladder_loss: Doubles
    live: Bytes
    counters: Doubles
    points: Words
    next_point: Words
    next_patience: Words
    next_level: Words
    reasons: Bytes
    watches: int
    width: int


@compiled
def count_epoch(r: LaneRecords, row: int, loss: float, updates: int) -> None:
    """Count an epoch of a lane and record its loss; `updates` it has been given in all."""
    epoch = r.epoch[row] + 1
    r.epoch[row] = epoch
    r.updates[row] = updates
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
def _climb(r: LaneRecords, row: int, loss: float) -> None:
    """Note the rungs of the ladder that an epoch meets, as `sweep.engines.stop_rules`."""
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
def _meet(r: LaneRecords, row: int, rung: int, loss: float) -> None:
    r.ladder_epoch[row * _N_RUNGS + rung] = r.epoch[row]
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
        def judge_none(epoch: Epoch, options: Any, counters: Any) -> int:
            return 0

        return judge_none

    rule, *others = rules
    n_options, n_counters = len(rule.options), len(rule.counters)
    judge_others = _judges(others, option + 1 + n_options, counter + n_counters)
    judge, own = compiled(rule.judge), REASONS.index(StopReason(rule.reason))
    read_options, read_counters = _reader(n_options), _reader(n_counters)

    @compiled
    def judge_next(epoch: Epoch, options: Any, counters: Any) -> int:
        met = False
        if options[option] > 0.0:
            mine = at(counters, counter)
            met, after = judge(epoch, read_options(at(options, option + 1)), read_counters(mine))
            _write(mine, after)
        later = judge_others(epoch, options, counters)
        return own if met else later

    return judge_next


_judge_rules = _judges(tuple(STOP_RULES.values()))


@compiled
def judge_epoch(r: LaneRecords, rules: RuleTable, row: int, worst: float) -> bool:
    """Judge every watch of a lane after an epoch; return whether any live one stopped."""
    loss, number = r.previous_loss[row], r.epoch[row]
    previous = r.tail[row * TAIL_EPOCHS + (number - 1) % TAIL_EPOCHS]
    epoch = Epoch(loss, previous, r.last_delta[row], worst, number)
    stopped = False
    for i in range(row * r.watches, (row + 1) * r.watches):
        reason = _judge_rules(
            epoch, at(rules.options, i * _N_OPTIONS), at(r.counters, i * _N_COUNTERS)
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
