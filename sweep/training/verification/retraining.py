"""Trains one trial alone and keeps its state at sampled epochs."""

from collections import deque
from dataclasses import dataclass

from sweep.engines.contract import Engine
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.pack import Pack
from sweep.result import TrialResult
from sweep.training.results import Reporter
from sweep.training.work import Work

SAMPLED_EPOCHS = (0, 1, 10, 100, 1000, 5000)


@dataclass(frozen=True)
class Retraining:
    """A trial trained again.

    Attributes:
        result: what it leaves behind.
        states: as they were after each of `SAMPLED_EPOCHS` that it reached, the end left out.
    """

    result: TrialResult
    states: tuple[LaneState, ...]


def retrain(pack: Pack, engine: Engine) -> Retraining:
    """Train the only trial of `pack` from its initial weights until it stops."""
    (trial,) = pack.trials
    lanes = Lanes((Lane((trial,)),))
    state = engine.begin(lanes)
    states: list[LaneState] = []
    ahead = deque(SAMPLED_EPOCHS)
    while True:
        if ahead and state.in_last_phase[0] and int(state.epoch[0]) == ahead[0]:
            states.append(state.copy())
            ahead.popleft()
        stops = engine.advance(lanes, state, _stretch(engine, state, ahead))
        if stops:
            (result,) = Reporter(Work(pack), engine).results(lanes, stops)
            return Retraining(result, tuple(states))


def step(engine: Engine, lanes: Lanes, state: LaneState) -> LaneState:
    """Return the state one epoch later; `state` is left as it is."""
    later = state.copy()
    stops = engine.advance(lanes, later, 1)
    return stops[0].state if stops else later


def _stretch(engine: Engine, state: LaneState, ahead: deque[int]) -> int:
    """Return how many epochs to train at once: a chunk, or less up to the next sampled epoch."""
    chunk = engine.chunk_epochs(1)
    pretrained = bool(state.in_last_phase[0])
    return min(chunk, ahead[0] - int(state.epoch[0])) if ahead and pretrained else chunk
