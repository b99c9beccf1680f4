"""Applies the stop rules to lanes side by side after each epoch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import LOSS, MONITORED, VALIDATION_LOSS, Epoch, StopRule
from sweep.engines.state import LOSS_RECORD, TAIL_EPOCHS, Lanes, LaneState, curve_epochs
from sweep.ladder import ALL_RUNGS, LEVELS, PATIENCES, TOLERANCES
from sweep.trial import StopReason

NEVER = np.inf
_CURVE = curve_epochs()


@dataclass(frozen=True)
class Rules:
    """The stop rules of lanes side by side; never met where not asked for.

    Attributes:
        options: of every rule in turn: 1 where it is asked for, else 0, and then its options; what
            it monitors as an index into `MONITORED`.
        epochs, max_epochs: the limits, the latter also that of the lane.
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
                        options[row, watch, place : place + _width(rule)] = (1, *_coded(asked))
        return cls(
            options=options,
            epochs=lanes.rule("fixed_epochs", NEVER),
            max_epochs=lanes.limits(),
        )

    @property
    def need_outputs(self) -> bool:
        """Whether any rule looks at the outputs themselves."""
        return any(asked.rule.needs_outputs for asked in self.asked())

    def asked(self) -> Iterator["Asked"]:
        """Yield each rule that any trial asks for."""
        for place, rule in _placed():
            asked = self.options[:, :, place] > 0
            if not asked.any():
                continue
            columns = {n: self.options[:, :, place + 1 + i] for i, n in enumerate(rule.options)}
            monitor = columns.get("monitor", np.zeros(asked.shape))
            numbers = tuple(columns[name] for name in rule.numbers)
            yield Asked(rule, asked, numbers, monitor == MONITORED.index(VALIDATION_LOSS))


@dataclass(frozen=True)
class Asked:
    """A rule that trials ask for.

    Attributes:
        where: which trials do. numbers: what `judge` is given.
        held_out: which of them monitor the loss on held-out samples.
    """

    rule: StopRule
    where: Bool[np.ndarray, "lanes watches"]
    numbers: tuple[Float64[np.ndarray, "lanes watches"], ...]
    held_out: Bool[np.ndarray, "lanes watches"]


def _width(rule: StopRule) -> int:
    return 1 + len(rule.options)


def _coded(asked: dict[str, Any]) -> list[Any]:
    """Return options as numbers."""
    return [MONITORED.index(v) if n == "monitor" else v for n, v in asked.items()]


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
    validation: Float64[np.ndarray, " lanes"] | None = None,
) -> list[tuple[int, int, StopReason]]:
    """Apply the rules to the losses of an epoch; return (row, watch, reason) of trials that stop.

    Counts the epoch, updates the counters of every rule and the recorded losses, and clears `live`.
    Where several rules are met at once the first of `StopReason`'s order below is the reason.

    Args:
        rules: of the lanes of `state`.
        state: changed in place.
        losses: L_t of every lane, taken before the update of this epoch.
        worst_errors: the largest |output - target| of every lane, if any rule needs it.
        validation: the loss of every lane on held-out samples, taken after the updates of this
            epoch; nan where it was not taken, inf where it is no number. Rules that monitor it
            judge where it was taken.
    """
    previous = state.previous_loss[:, None].copy()
    _count(state, losses)
    number = state.epoch[:, None]
    worst = np.full(len(losses), np.nan) if worst_errors is None else worst_errors
    change = state.last_delta[:, None]
    epoch = Epoch(losses[:, None], previous, change, worst[:, None], number)
    after = _after(epoch, state, validation)
    met = {StopReason.DIVERGED: ~np.isfinite(losses)[:, None]}
    for asked in rules.asked():
        reason = StopReason(asked.rule.reason)
        met[reason] = met.get(reason, False) | _judged(asked, epoch, after, state)
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
    state.epoch += 1
    with np.errstate(invalid="ignore"):  # a diverged loss may follow another
        state.last_delta[:] = losses - state.previous_loss
    state.previous_loss[:] = losses
    record = _record_of(state, LOSS)
    _note(record, state.epoch, losses)
    _climb(record, state.epoch, losses, change=state.last_delta)


def _after(
    epoch: Epoch, state: LaneState, validation: Float64[np.ndarray, " lanes"] | None
) -> Epoch:
    """Return the epoch, already counted, by its loss on held-out samples; record that."""
    if validation is None or not state.validation:
        blank = np.full((len(state), 1), np.nan)
        return epoch._replace(loss=blank, previous=blank, change=blank)
    record, rows = _record_of(state, VALIDATION_LOSS), np.arange(len(state))
    previous = record["tail"][rows, (state.epoch - 1) % TAIL_EPOCHS]
    with np.errstate(invalid="ignore"):
        change = validation - previous
    taken = ~np.isnan(validation)
    state.validation["taken"] += taken
    _note(record, state.epoch, validation)
    _climb(record, state.epoch, validation, change=change, where=state.validated & taken)
    return epoch._replace(
        loss=validation[:, None], previous=previous[:, None], change=change[:, None]
    )


_Record = dict[str, np.ndarray]


def _record_of(state: LaneState, monitor: str) -> _Record:
    """Return `LOSS_RECORD` of a monitored loss, to be changed in place."""
    if monitor == LOSS:
        return {name: getattr(state, name) for name in LOSS_RECORD}
    return state.validation


def _note(
    record: _Record, epochs: Int64[np.ndarray, " lanes"], losses: Float64[np.ndarray, " lanes"]
) -> None:
    """Record a loss of the last of so many epochs; nan where it was not taken."""
    rows = np.arange(len(epochs))
    better = losses < record["best_loss"]
    np.copyto(record["best_loss"], losses, where=better)
    np.copyto(record["best_epoch"], epochs, where=better)
    record["tail"][rows, epochs % TAIL_EPOCHS] = losses
    points = np.searchsorted(_CURVE, epochs)
    due = _CURVE[points] == epochs
    if due.any():
        record["curve"][rows[due], points[due]] = losses[due]


def _judged(asked: Asked, epoch: Epoch, after: Epoch, state: LaneState) -> Any:
    """Return which trials meet a rule, and update its counters where it judges.

    Args:
        asked: the rule.
        epoch: by its own loss.
        after: by that on held-out samples.
        state: whose counters are updated.
    """
    rule, where, seen = asked.rule, asked.where, epoch
    if asked.held_out.any():
        seen = epoch._replace(
            loss=np.where(asked.held_out, after.loss, epoch.loss),
            previous=np.where(asked.held_out, after.previous, epoch.previous),
            change=np.where(asked.held_out, after.change, epoch.change),
        )
        where = where & ~(asked.held_out & np.isnan(after.loss))
    counters = [state.counters[name] for name in rule.counters]
    with np.errstate(invalid="ignore", over="ignore"):
        met, counted = rule.judge(seen, asked.numbers, tuple(counters))
    for array, values in zip(counters, counted, strict=True):
        np.copyto(array, values, where=where, casting="unsafe")
    return where & met


def recorded_curve(
    state: LaneState, row: int, monitor: str = LOSS
) -> tuple[Int64[np.ndarray, " points"], Float64[np.ndarray, " points"]]:
    """Return a lane's recorded epochs and losses, ascending: log-spaced ones and the last few.

    A loss is nan where it was not taken.
    """
    record, last = _record_of(state, monitor), int(state.epoch[row])
    reached = np.searchsorted(_CURVE, last, side="right")
    tail = np.arange(max(1, last - TAIL_EPOCHS + 1), last + 1)
    epochs = np.concatenate([_CURVE[:reached], tail])
    recent = record["tail"][row, tail % TAIL_EPOCHS]
    losses = np.concatenate([record["curve"][row, :reached], recent])
    unique, first = np.unique(epochs, return_index=True)
    return unique, losses[first]


_TOLERANCES, _PATIENCES, _LEVELS = map(np.array, (TOLERANCES, PATIENCES, LEVELS))


def _climb(
    record: _Record,
    epochs: Int64[np.ndarray, " lanes"],
    losses: Float64[np.ndarray, " lanes"],
    *,
    change: Float64[np.ndarray, " lanes"],
    where: Bool[np.ndarray, " lanes"] | None = None,
) -> None:
    """Take in a monitored loss of an epoch, already counted, and note the rungs that it meets.

    A loss that is not finite meets none: a trial with any of the rules diverges there.

    Args:
        record: of the loss.
        epochs: trained.
        losses: of the last of them.
        change: since the one before.
        where: the lanes whose loss is known of every epoch; None for all.
    """
    loss, epoch = losses[:, None], epochs[:, None]
    finite = np.isfinite(loss) if where is None else np.isfinite(loss) & where[:, None]
    moved = finite & ~(np.abs(change)[:, None] < _TOLERANCES)
    better = finite & (loss < record["ladder_best"] - _TOLERANCES)
    np.copyto(record["ladder_best"], loss, where=better)
    np.copyto(record["ladder_since"], epoch, where=np.concatenate([moved, better], axis=1))
    waited = (epoch - record["ladder_since"])[:, :, None] >= _PATIENCES
    met = np.concatenate([waited.reshape(len(epochs), -1), loss <= _LEVELS], axis=1)
    first = finite & met & (record["ladder_epoch"] == 0)
    if first.any():
        np.copyto(record["ladder_epoch"], epoch, where=first)
        np.copyto(record["ladder_loss"], loss, where=first)


def recorded_ladder(state: LaneState, row: int) -> dict[str, np.ndarray]:
    """Return the rungs that a lane has met, as columns of the table `ladder`.

    Those of the loss on held-out samples only where that was taken after every epoch.
    """
    monitors = (LOSS, VALIDATION_LOSS) if state.validated[row] else (LOSS,)
    records = {monitor: _record_of(state, monitor) for monitor in monitors}
    met = {name: np.flatnonzero(record["ladder_epoch"][row]) for name, record in records.items()}
    rungs = [ALL_RUNGS[name][place] for name, places in met.items() for place in places]

    def of(array: str) -> np.ndarray:
        return np.concatenate([records[name][array][row, met[name]] for name in monitors])

    return {
        "monitor": np.array([rung.monitor for rung in rungs], object),
        "rule": np.array([rung.rule for rung in rungs], object),
        "tolerance": np.array([rung.tolerance for rung in rungs], np.float64),
        "patience": np.array([rung.patience for rung in rungs], np.int64),
        "epoch": of("ladder_epoch"),
        "loss": of("ladder_loss"),
    }
