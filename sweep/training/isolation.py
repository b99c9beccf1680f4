"""Keeps one lane's exception from stopping the lanes beside it."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.engines.contract import Engine, Stop
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.trial import Trial


@dataclass(frozen=True)
class Failure:
    """A lane whose code raised.

    Attributes:
        trials: those that had not ended before. row: the lane's row among those of the call.
        error: the exception in one line. trace: its traceback.
        state: the lane before the epoch in which it was raised; None if it never began.
    """

    trials: tuple[Trial, ...]
    error: str
    trace: str
    row: int = 0
    state: LaneState | None = None

    @classmethod
    def of(
        cls, error: Exception, trials: tuple[Trial, ...], state: LaneState | None = None
    ) -> "Failure":
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return cls(trials, line, "".join(traceback.format_exception(error)), state=state)


@dataclass(frozen=True)
class Advanced:
    """What became of lanes in a chunk: their state, and those that stopped or raised."""

    state: LaneState
    stops: tuple[Stop, ...]
    failures: tuple[Failure, ...]

    def shifted(self, rows: int) -> "Advanced":
        """Return the same, its lanes `rows` further down."""
        return Advanced(
            self.state,
            tuple(replace(stop, row=stop.row + rows) for stop in self.stops),
            tuple(replace(failure, row=failure.row + rows) for failure in self.failures),
        )


def begin_lanes(
    engine: Engine, lanes: Sequence[Lane]
) -> tuple[Lanes, list[LaneState], list[Failure]]:
    """Return the lanes that could begin, their states, and those whose initialiser raised.

    Each state is of one lane or several, all together of the lanes in their order.
    """
    fresh = Lanes(tuple(lane for lane in lanes if lane.start is None))
    resumed = [lane for lane in lanes if lane.start is not None]
    states = [_resume(lane) for lane in resumed]
    begun, failures = _begin(engine, fresh)
    kept = [lane for lanes, _ in begun for lane in lanes.lanes]
    return Lanes((*resumed, *kept)), [*states, *(state for _, state in begun)], failures


def advance_lanes(engine: Engine, lanes: Lanes, state: LaneState, epochs: int) -> Advanced:
    """Train lanes for a chunk; if anything raises, find the culprit by halves, and its epoch.

    `state` must not be used afterwards: the returned one takes its place.
    """
    backup = state.copy()
    try:
        stops = engine.advance(lanes, state, epochs)
    except Exception as error:
        if len(lanes) > 1:
            return _by_halves(engine, lanes, backup, epochs)
        if epochs > 1:
            return _by_shorter_chunks(engine, lanes, backup, epochs)
        pairs = zip(lanes.lanes[0].trials, backup.live[0], strict=False)
        failure = Failure.of(error, tuple(trial for trial, live in pairs if live), backup)
        return Advanced(replace(backup, live=np.zeros_like(backup.live)), (), (failure,))
    return Advanced(state, tuple(stops), ())


def _by_shorter_chunks(engine: Engine, lanes: Lanes, state: LaneState, epochs: int) -> Advanced:
    """Train a lone lane as far as it goes: a trial that stops before the exception has ended."""
    first = advance_lanes(engine, lanes, state, epochs // 2)
    if first.failures or not first.state.live.any():
        return first
    second = advance_lanes(engine, lanes, first.state, epochs - epochs // 2)
    return Advanced(second.state, first.stops + second.stops, second.failures)


def _by_halves(engine: Engine, lanes: Lanes, state: LaneState, epochs: int) -> Advanced:
    middle = len(lanes) // 2
    rows = np.arange(len(lanes))
    first, second = (
        advance_lanes(
            engine, lanes.take(half), state.take(half).with_watches(lanes.take(half).width), epochs
        )
        for half in (rows[:middle], rows[middle:])
    )
    second = second.shifted(middle)
    joined = LaneState.join([first.state, second.state]).with_watches(lanes.width)
    return Advanced(joined, first.stops + second.stops, first.failures + second.failures)


def _begin(engine: Engine, lanes: Lanes) -> tuple[list[tuple[Lanes, LaneState]], list[Failure]]:
    if not len(lanes):
        return [], []
    try:
        state = engine.begin(lanes)
    except Exception as error:
        if len(lanes) == 1:
            return [], [Failure.of(error, lanes.lanes[0].trials)]
        middle = len(lanes) // 2
        rows = list(range(len(lanes)))
        first, second = (
            _begin(engine, lanes.take(half)) for half in (rows[:middle], rows[middle:])
        )
        return first[0] + second[0], first[1] + second[1]
    return [(lanes, state)], []


def _resume(lane: Lane) -> LaneState:
    """Return a copy of a lane's saved state, all its trials live again."""
    assert lane.start is not None
    return replace(lane.start.copy(), live=np.ones((1, len(lane.trials)), bool))
