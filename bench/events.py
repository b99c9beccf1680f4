"""Simulates a sweep on a cluster of any size, without Ray and without networks.

Everything that happens one at a time is a queue served in order: the driver's Python (its event
loop and Tune share one core), Tune's loop and the broker. Workers train packs in chunks, report
that they are alive, hand rows over and wait until the driver has kept them, as the real ones do.
"""

import heapq
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

Process = Generator[float | None, None, None]
"""What yields the moment at which it goes on, or None to go on when it is woken."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What things take, all in seconds.

    Attributes:
        start: until the first pack can be handed out. worker: a worker's first start.
        plan_trial: planning, a trial. offer_pack, offer_trial: making a pack and offering it.
        keep_message, keep_row: keeping a message of rows, and each row in it.
        checkpoint: keeping a checkpoint.
        tune: Tune's loop, a pack, half of it to start it and half to end it.
        tune_busy: the part of that in which it holds the driver's core.
        call: the broker, a call. epoch: a trial and epoch in a full pack. alone: an epoch of a
            trial that trains alone. trial: beginning, judging and encoding a trial.
    """

    start: float
    worker: float
    plan_trial: float
    offer_pack: float
    offer_trial: float
    keep_message: float
    keep_row: float
    checkpoint: float
    tune: float
    tune_busy: float
    call: float
    epoch: float
    alone: float
    trial: float


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How workers and driver behave: the constants of `sweep.ray`, seconds.

    Attributes:
        step: acted out at once. beats, rows: least time between two reports of progress, of rows.
        rows_at_once: rows that go at once however short the time.
        patience: how many times longer than the driver took for the last report until the next.
        checkpoints: time between two of them.
    """

    step: float = 1.0
    beats: float = 0.25
    rows: float = 1.0
    rows_at_once: int = 256
    patience: float = 0.0
    checkpoints: float = 30.0


@dataclass(frozen=True)
class Load:
    """A pack to train: how many trials, their epochs together, those of the longest."""

    trials: int
    epochs: int
    longest: int

    def seconds(self, costs: Costs) -> float:
        """Return the core seconds that it takes, if nobody is waited for."""
        packed = max(self.epochs * costs.epoch, self.longest * costs.alone)
        return packed + self.trials * costs.trial


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it.

    Attributes:
        makespan: from the command to the last row kept, s. ideal: the work over the cores, s.
        work: core seconds of training. workers: cores. trials: kept. messages: of rows.
        driver, tune, broker: the share of the makespan that each was busy.
        waited: core seconds that workers waited for driver or broker.
    """

    makespan: float
    ideal: float
    work: float
    workers: int
    trials: int
    messages: int
    driver: float
    tune: float
    broker: float
    waited: float

    @property
    def utilisation(self) -> float:
        """The part of all cores' time in which they trained."""
        return self.work / (self.workers * self.makespan)


class _Server:
    """Serves one request after another."""

    def __init__(self) -> None:
        self.free = self.busy = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Return when a request that comes now and takes this long has been served."""
        self.free = max(self.free, now) + seconds
        self.busy += seconds
        return self.free


class _Clock:
    """Lets processes go on in the order of their moments; those of one moment as they came."""

    def __init__(self) -> None:
        self.now = 0.0
        self.current: Process
        self._counted = 0
        self._due: list[tuple[float, int, Process]] = []

    def wake(self, process: Process, moment: float = 0.0) -> None:
        self._counted += 1
        heapq.heappush(self._due, (max(self.now, moment), self._counted, process))

    def run(self) -> None:
        while self._due:
            self.now, _, self.current = heapq.heappop(self._due)
            moment = next(self.current, None)
            if moment is not None:
                self.wake(self.current, moment)


@dataclass(frozen=True)
class _Item:
    """A message on its way: the rows in it, who waits for it, what it costs to keep."""

    sender: Process
    rows: int
    seconds: float


class _Scene:
    """A sweep under way."""

    def __init__(self, loads: Sequence[Load], workers: int, costs: Costs, habits: Habits) -> None:
        self.costs, self.habits = costs, habits
        self.clock = _Clock()
        self.core, self.tune, self.broker = _Server(), _Server(), _Server()
        self.to_offer, self.ahead = deque(loads), workers
        self.ready: deque[Load] = deque()
        self.items: deque[_Item] = deque()
        self.idle: deque[_Worker] = deque()
        self.owed = sum(load.trials for load in loads)
        self.kept = self.messages = 0
        self.waited = self.ended = 0.0
        self.looping = self.event_loop()
        self.pump_sleeps = False

    def run(self, workers: int) -> None:
        self.idle.extend(_Worker(self) for _ in range(workers))
        self.clock.wake(self.looping)
        self.clock.run()
        assert self.kept == self.owed, (self.kept, self.owed)

    def event_loop(self) -> Process:
        """The driver: plans; then keeps what has come and offers what there is room for."""
        yield self.costs.start + self.core.serve(0.0, self.owed * self.costs.plan_trial)
        while self.kept < self.owed:
            taken, self.items = self.items, deque()
            for item in taken:
                yield self.core.serve(self.clock.now, item.seconds)
                self.kept += item.rows
                self.ended = self.clock.now
            for _ in range(min(self.ahead - len(self.ready), len(self.to_offer))):
                load = self.to_offer.popleft()
                cost = self.costs.offer_pack + load.trials * self.costs.offer_trial
                yield self.core.serve(self.clock.now, cost)
                self.ready.append(load)
                self.hand_out()
            for item in taken:
                self.clock.wake(item.sender)
            if not self.items and self.kept < self.owed:
                self.pump_sleeps = True
                yield None
                self.pump_sleeps = False

    def wake_event_loop(self) -> None:
        if self.pump_sleeps:
            self.pump_sleeps = False
            self.clock.wake(self.looping)

    def hand_out(self) -> None:
        while self.ready and self.idle:
            worker = self.idle.popleft()
            self.clock.wake(worker.train(self.ready.popleft()))
            self.wake_event_loop()  # there is room now

    def use_tune(self) -> float:
        """Return when Tune has begun or ended a pack: it takes turns with the loop."""
        core = self.core.serve(self.clock.now, self.costs.tune_busy / 2)
        return max(core, self.tune.serve(self.clock.now, self.costs.tune / 2))


class _Worker:
    """Trains a pack at a time."""

    def __init__(self, scene: _Scene) -> None:
        self._scene, self._started = scene, False

    def train(self, load: Load) -> Process:
        scene, habits, clock = self._scene, self._scene.habits, self._scene.clock
        yield scene.use_tune()
        if not self._started:
            self._started = True
            yield clock.now + scene.costs.worker
        whole = left = load.seconds(scene.costs)
        saved = sent = clock.now
        next_beat, next_rows, beat_seconds = clock.now, clock.now + habits.rows, habits.beats
        n_sent = 0
        while n_sent < load.trials:
            step = min(habits.step, left)
            left = max(0.0, left - step)
            yield clock.now + step
            rows = load.trials if left <= 0 else int(load.trials * (1 - left / whole))
            if clock.now >= next_beat:
                beats = max(1.0, step / beat_seconds)
                served = scene.broker.serve(clock.now, beats * scene.costs.call)
                took = yield from self._wait(served)
                beat_seconds = max(habits.beats, habits.patience * took / beats)
                next_beat = clock.now + beat_seconds - habits.step
            due = clock.now >= saved + habits.checkpoints and left > 0
            many = rows - n_sent >= habits.rows_at_once
            if rows > n_sent and (due or many or left <= 0 or clock.now >= next_rows):
                took = yield from self._hand_over(rows - n_sent)
                n_sent, sent = rows, clock.now
                next_rows = sent + max(habits.rows, habits.patience * took)
            if due:
                yield from self._hand_over(0)
                saved = clock.now
        yield scene.use_tune()
        scene.idle.append(self)
        scene.hand_out()

    def _hand_over(self, rows: int) -> Generator[float | None, None, float]:
        """Send rows, or a checkpoint where there are none; return how long the driver took."""
        scene = self._scene
        costs, began = scene.costs, scene.clock.now
        yield scene.broker.serve(began, costs.call)
        seconds = costs.keep_message + rows * costs.keep_row if rows else costs.checkpoint
        scene.items.append(_Item(scene.clock.current, rows, seconds))
        scene.messages += 1
        scene.wake_event_loop()
        yield None
        scene.waited += scene.clock.now - began
        return scene.clock.now - began

    def _wait(self, moment: float) -> Generator[float | None, None, float]:
        took = moment - self._scene.clock.now
        yield moment
        self._scene.waited += took
        return took


def act_out(
    loads: Sequence[Load], *, workers: int, costs: Costs, habits: Habits | None = None
) -> Outcome:
    """Run a sweep that nothing disturbs, from the command to its last row.

    Args:
        loads: the packs in the order in which they are handed out.
        workers: cores that train, one pack each at a time.
        costs: what things take.
        habits: how workers behave; as those of `sweep.ray` where None.
    """
    scene = _Scene(loads, workers, costs, habits or Habits())
    scene.run(workers)
    end = max(scene.ended, scene.tune.free)  # the command ends after Tune has
    work = sum(load.seconds(costs) for load in loads)
    return Outcome(
        makespan=end,
        ideal=work / workers,
        work=work,
        workers=workers,
        trials=scene.kept,
        messages=scene.messages,
        driver=scene.core.busy / end,
        tune=scene.tune.busy / end,
        broker=scene.broker.busy / end,
        waited=scene.waited,
    )
