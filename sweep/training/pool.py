"""Trains a pack: lanes retire as their trials end and are refilled from the queue.

A lane's result depends on its engine and its own trials alone. The pool decides only which lanes
train side by side, in chunks of epochs whose length depends on sizes alone, never on the clock.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from sweep.datasets.arrays import DatasetError
from sweep.datasets.data import Data
from sweep.engines.contract import Engine, Stop
from sweep.engines.factory import load_checked, make_engine
from sweep.engines.state import WATCH_COLUMNS, Lane, Lanes, LaneState
from sweep.engines.validation import restores_of
from sweep.errors import SweepError
from sweep.result import TrialResult
from sweep.training.isolation import Advanced, Failure, advance_lanes, begin_lanes
from sweep.training.probes.probe import Prober
from sweep.training.results import Reporter
from sweep.training.work import Checkpoint, Event, Finished, Progress, Work, freeze, thaw
from sweep.trial import StopReason, Trial


def train_pack(
    work: Work, *, should_stop: Callable[[], bool], checkpoint_seconds: float = 30.0
) -> Iterator[Event]:
    """Train every trial of a pack, and yield each as it ends.

    Once `should_stop()` is true the trials under way are yielded as cancelled, with their state,
    and training ends; those never begun give nothing. A trial whose own code raises is yielded as
    failed and harms no other.

    Args:
        work: the pack, and what to go on from.
        should_stop: asked between chunks of epochs.
        checkpoint_seconds: longest time between checkpoints, s; never in mid-chunk.

    Raises:
        Exception: the data cannot be loaded, or the device not be used.
    """
    active, state, queue = _begin_pack(work)
    clock = _Clock(checkpoint_seconds)
    for _, lanes in groupby(queue, key=lambda lane: lane.path.pack_key):
        group = list(lanes)
        queue = queue[len(group) :]
        yield from _Group(work, clock, rest=queue).train(active, state, group, should_stop)
        active, state = Lanes(()), None
        if should_stop():
            return


def lanes_of(work: Work) -> list[Lane]:
    """Return the lanes of a pack, those of one pack key together.

    The trials of a path share a lane unless they go on from different epochs.
    """
    lanes = [Lane(trials, _start_of(work, trials), work.until) for trials in work.lanes()]
    keys = list(dict.fromkeys(lane.path.pack_key for lane in lanes))
    return sorted(lanes, key=lambda lane: keys.index(lane.path.pack_key))


def _start_of(work: Work, trials: tuple[Trial, ...]) -> LaneState | None:
    """Return the state from which a lane goes on, with the watch column of each of its trials."""
    if trials[0].trial_id not in work.starts:
        return None
    starts = [work.starts[trial.trial_id] for trial in trials]
    columns = {name: np.concatenate([s[name] for s in starts], axis=1) for name in WATCH_COLUMNS}
    return LaneState.of_arrays(starts[0] | columns)


def _begin_pack(work: Work) -> tuple[Lanes, LaneState | None, list[Lane]]:
    """Return the lanes under way, their state, and the whole queue, which begins with them."""
    lanes = lanes_of(work)
    if work.checkpoint is None:
        return Lanes(()), None, lanes
    state, active_ids, waiting_ids = thaw(work.checkpoint)
    by_id = {lane.lane_id: lane for lane in lanes}
    active = Lanes(tuple(by_id[i] for i in active_ids))
    return active, state, [*active.lanes, *(by_id[i] for i in waiting_ids)]


class _Clock:
    """When the next checkpoint is due."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._saved = seconds, time.monotonic()

    def due(self) -> bool:
        """Return whether to save now; if so the time counts anew."""
        due = time.monotonic() - self._saved >= self._seconds
        if due:
            self._saved = time.monotonic()
        return due


class _Group:
    """The lanes of one pack key, trained by one engine."""

    def __init__(self, work: Work, clock: _Clock, *, rest: Sequence[Lane]) -> None:
        self._work, self._clock, self._rest = work, clock, rest
        self._done = 0

    def train(
        self,
        lanes: Lanes,
        state: LaneState | None,
        group: Sequence[Lane],
        should_stop: Callable[[], bool],
    ) -> Iterator[Event]:
        """Train `group`, of which `lanes` are under way in `state`."""
        preparing = Progress(0, self._done, 0, len(group) + len(self._rest))
        yield preparing  # a kernel may compile now, which takes a while
        try:
            data = load_checked(self._work.pack, group[0].path)
            every = self._work.record.validation_every
            engine = make_engine(self._work.pack, group[0].path, data, every)
        except DatasetError:  # as whatever else is raised: another machine may have what it takes
            raise
        except SweepError as error:
            failures = [Failure.of(error, lane.trials) for lane in group]
            yield self._ended(Reporter(self._work, None, None).failures(failures))
            return
        yield preparing  # its end, from which on speed counts
        waiting = deque(group[len(lanes) :])
        prober = Prober(self._work.record, engine, group[0].path, data)
        reporter = Reporter(self._work, engine, prober)
        fitter = _Fitter.of(prober, data, group)
        state = None if state is None else fitter.fit(state)
        while waiting or len(lanes):
            if should_stop():
                if state is not None:
                    stops = _stop_where(state, state.live.copy(), StopReason.CANCELLED)
                    yield self._ended(reporter.results(lanes, stops))
                return
            lanes, state, failures = _refill(engine, fitter, lanes, state, waiting)
            if failures:
                yield self._ended(reporter.failures(failures))
            if not len(lanes):
                continue
            assert state is not None
            prober.look(lanes, state)
            most = prober.epochs_left(state)
            lanes, state, results, epochs = self._advance(engine, reporter, lanes, state, most)
            if results:
                yield self._ended(results)
            queued = [*waiting, *self._rest]
            yield Progress(epochs, self._done, len(lanes), len(queued))
            if self._clock.due():
                yield Checkpoint(freeze(state, lanes.lanes, queued))

    def _ended(self, results: Sequence[TrialResult]) -> Finished:
        self._done += len(results)
        return Finished(tuple(results))

    def _advance(
        self,
        engine: Engine,
        reporter: Reporter,
        lanes: Lanes,
        state: LaneState,
        most: int | None,
    ) -> tuple[Lanes, LaneState | None, list[TrialResult], int]:
        """Train a chunk of at most `most` epochs.

        Returns:
            The lanes left, their state, the results of trials that ended, the epochs made.
        """
        before, started = state.epoch.copy(), time.monotonic()
        chunk = engine.chunk_epochs(len(lanes))
        advanced = advance_lanes(engine, lanes, state, chunk if most is None else min(chunk, most))
        left: LaneState | None = advanced.state
        state = advanced.state
        _count_time(advanced, before, time.monotonic() - started)
        stops = [*_at_rung(lanes, advanced.stops), *_out_of_time(lanes, state)]
        results = reporter.results(lanes, stops) + reporter.failures(advanced.failures)
        epochs = int(np.maximum(state.epoch - before, 0).sum())
        kept = np.flatnonzero(state.live.any(axis=1))
        if len(kept) < len(lanes):
            lanes = lanes.take(kept)
            left = state.take(kept).with_watches(lanes.width) if len(lanes) else None
        return lanes, left, results, epochs


@dataclass(frozen=True)
class _Fitter:
    """Makes room in states for what is taken and seen in training, alike for lanes of a group."""

    prober: Prober
    validates: bool
    restores: Sequence[str]

    @classmethod
    def of(cls, prober: Prober, data: Data, group: Sequence[Lane]) -> "_Fitter":
        """Return what makes room, having looked at all lanes of the group once."""
        return cls(prober, data.validation_inputs is not None, restores_of(group, data))

    def fit(self, state: LaneState) -> LaneState:
        fitted = state.fitted(validates=self.validates, restores=self.restores)
        return self.prober.fit(fitted)


def _refill(
    engine: Engine,
    fitter: _Fitter,
    lanes: Lanes,
    state: LaneState | None,
    waiting: deque[Lane],
) -> tuple[Lanes, LaneState | None, list[Failure]]:
    """Fill free lanes from the queue: at first, and whenever a quarter of them is free."""
    free = engine.capacity - len(lanes)
    if not waiting or (len(lanes) and 4 * free < engine.capacity):
        return lanes, state, []
    fresh = [waiting.popleft() for _ in range(min(free, len(waiting)))]
    begun, states, failures = begin_lanes(engine, fresh)
    fitted = [fitter.fit(begun_state) for begun_state in states]
    parts = fitted if state is None else [state, *fitted]
    lanes = Lanes((*lanes.lanes, *begun.lanes))
    state = LaneState.join(parts).with_watches(lanes.width) if parts else None
    return lanes, state, failures


def _count_time(advanced: Advanced, before: np.ndarray, seconds: float) -> None:
    """Add a chunk's time to its lanes; a trial that stopped in mid-chunk gets its part of it."""
    state = advanced.state
    longest = max(1, int((state.epoch - before).max()))
    for stop in advanced.stops:
        part = seconds * int(stop.state.epoch[0] - before[stop.row]) / longest
        stop.state.seconds += part
        stop.state.share += part / len(state)
    state.seconds += seconds
    state.share += seconds / len(state)


def _at_rung(lanes: Lanes, stops: Sequence[Stop]) -> list[Stop]:
    """Return the stops, those at the limit of their lane and not at their own as pruned."""
    return [
        replace(stop, reason=StopReason.PRUNED) if _waits(lanes, stop) else stop for stop in stops
    ]


def _waits(lanes: Lanes, stop: Stop) -> bool:
    trial = lanes.lanes[stop.row].trials[stop.watch]
    return stop.reason is StopReason.MAX_EPOCHS and int(stop.state.epoch[0]) < trial.max_epochs


def _out_of_time(lanes: Lanes, state: LaneState) -> list[Stop]:
    """Stop the live trials whose time limit has passed."""
    over = state.seconds[:, None] >= lanes.rule("max_seconds", np.inf)
    return _stop_where(state, over & state.live, StopReason.TIME)


def _stop_where(state: LaneState, where: np.ndarray, reason: StopReason) -> list[Stop]:
    rows = np.argwhere(where).tolist()
    state.live &= ~where
    return [Stop(row, watch, reason, state.take([row])) for row, watch in rows]
