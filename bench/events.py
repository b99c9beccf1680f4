"""Simulates a sweep on a cluster of any size, without Ray and without networks.

Everything that happens one at a time is a queue served in order: the driver's Python (its event
loop and Tune share one core), Tune's loop and the broker. Workers train pack after pack, have the
next while they train one, report that they are alive, and send rows without waiting for them until
many are on their way, as the real ones do.
"""

import heapq
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from sweep.ray.outbox import MOST_ROWS
from sweep.running.worker_loop import ROWS_AT_ONCE

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
        tune: Tune's loop, a trial of its own, half of it to start it and half to end it.
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
        rows_held: rows beyond which a worker waits for those that it has sent.
        patience: how many times longer than the driver took for the last rows until the next.
        beats_each: time between two reports of progress for each worker there is, at least.
        checkpoints: time between two of them.
        crew: workers that are one trial of Tune.
    """

    step: float = 1.0
    beats: float = 0.25
    rows: float = 1.0
    rows_at_once: int = ROWS_AT_ONCE
    rows_held: int = MOST_ROWS
    patience: float = 0.0
    beats_each: float = 0.001
    checkpoints: float = 30.0
    crew: int = 1


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
        makespan: from the command to the last row kept, s.
        ideal: the work over the cores, or the longest trial where that is more, s.
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
    """A message on its way: the rows in it, who sent it, what it costs to keep."""

    sender: "_Worker"
    rows: int
    seconds: float


class _Scene:
    """A sweep under way."""

    def __init__(self, loads: Sequence[Load], workers: int, costs: Costs, habits: Habits) -> None:
        self.costs, self.habits, self.workers = costs, habits, workers
        self.clock = _Clock()
        self.core, self.tune, self.broker = _Server(), _Server(), _Server()
        self.to_offer, self.ahead = deque(loads), workers
        self.ready: deque[Load] = deque()
        self.promised: dict[_Worker, Load] = {}
        self.items: deque[_Item] = deque()
        self.idle: deque[_Worker] = deque()
        self.owed = sum(load.trials for load in loads)
        self.kept = self.messages = 0
        self.waited = self.ended = 0.0
        self.looping = self.event_loop()
        self.pump_sleeps = False

    def run(self) -> None:
        self.clock.wake(self.looping)
        self.clock.run()
        assert self.kept == self.owed, (self.kept, self.owed)

    def event_loop(self) -> Process:
        """The driver: plans; then keeps what has come and offers what there is room for."""
        yield self.costs.start + self.core.serve(0.0, self.owed * self.costs.plan_trial)
        for first in range(0, min(self.workers, len(self.to_offer)), self.habits.crew):
            crew = min(self.habits.crew, self.workers - first)
            members: set[_Worker] = set()
            members.update(_Worker(self, members) for _ in range(crew))
            self.clock.wake(self.start(list(members)))
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
                if self.idle:
                    self.clock.wake(self.idle.popleft().process)
            yield self.broker.serve(self.clock.now, 2 * self.costs.call)
            for item in taken:
                item.sender.hear_kept()
            if not self.items and self.kept < self.owed:
                self.pump_sleeps = True
                yield None
                self.pump_sleeps = False
        for worker in self.idle:
            self.clock.wake(worker.process)

    def start(self, crew: "list[_Worker]") -> Process:
        """Start workers as one trial of Tune."""
        yield self.use_tune()
        yield self.clock.now + self.costs.worker
        for worker in crew:
            self.clock.wake(worker.process)

    def wake_event_loop(self) -> None:
        if self.pump_sleeps:
            self.pump_sleeps = False
            self.clock.wake(self.looping)

    def take(self) -> Load | None:
        """Return the next pack, or one that was promised to another worker."""
        if self.ready:
            self.wake_event_loop()  # there is room now
            return self.ready.popleft()
        if self.promised:
            return self.promised.pop(next(iter(self.promised)))
        return None

    def deliver(self, item: _Item) -> Process:
        """Carry a message to the driver."""
        yield self.broker.serve(self.clock.now, self.costs.call)
        self.items.append(item)
        self.messages += 1
        self.wake_event_loop()

    def use_tune(self) -> float:
        """Return when Tune has begun or ended a trial of its own: it takes turns with the loop."""
        core = self.core.serve(self.clock.now, self.costs.tune_busy / 2)
        return max(core, self.tune.serve(self.clock.now, self.costs.tune / 2))


class _Worker:
    """Trains pack after pack."""

    def __init__(self, scene: _Scene, crew: "set[_Worker]") -> None:
        self._scene, self._crew = scene, crew
        self.process = self._stay()
        self._held, self._sent, self._due = 0, 0.0, 0.0
        self._under_way = self._waits = self._idles = False

    def _stay(self) -> Process:
        scene = self._scene
        while scene.kept < scene.owed:
            load = scene.promised.pop(self, None) or scene.take()
            if load is None:
                self._idles = True
                self._send()
                scene.idle.append(self)
                yield None
                self._idles = False
                continue
            granted = scene.broker.serve(scene.clock.now, scene.costs.call)
            if scene.ready:
                scene.promised[self] = scene.ready.popleft()
                scene.wake_event_loop()
            yield from self._train(load)
            if granted > scene.clock.now:
                scene.waited += granted - scene.clock.now
                yield granted
        self._crew.remove(self)
        if not self._crew:
            yield scene.use_tune()

    def _train(self, load: Load) -> Generator[float | None, None, None]:
        scene, habits, clock = self._scene, self._scene.habits, self._scene.clock
        whole = left = load.seconds(scene.costs)
        beats = max(habits.beats, habits.beats_each * scene.workers)
        n_made, saved, now = 0, clock.now, clock.now
        while n_made < load.trials:
            step = min(max(habits.step, whole / 60), left)
            left = max(0.0, left - step)
            now += step
            yield now
            scene.broker.serve(clock.now, step / beats * scene.costs.call)
            made = load.trials if left <= 1e-9 * whole else int(load.trials * (1 - left / whole))
            self._held, n_made = self._held + made - n_made, made
            if clock.now >= saved + habits.checkpoints and n_made < load.trials:
                yield from self._settle()
                self._send(scene.costs.checkpoint)
                saved = clock.now
            elif self._held >= habits.rows_held:
                yield from self._settle()
                self._send()
            if self._held >= habits.rows_at_once or clock.now >= self._due:
                self._send()
            now = clock.now

    def _send(self, seconds: float = 0.0) -> None:
        """Send the rows held, and what the driver takes these seconds for, unless some are out."""
        costs = self._scene.costs
        if self._under_way or not (self._held or seconds):
            return
        if self._held:
            seconds += costs.keep_message + self._held * costs.keep_row
        self._sent, self._under_way = self._scene.clock.now, True
        self._scene.clock.wake(self._scene.deliver(_Item(self, self._held, seconds)))
        self._held = 0

    def _settle(self) -> Generator[float | None, None, None]:
        """Wait until what was sent is kept."""
        began = self._scene.clock.now
        while self._under_way:
            self._waits = True
            yield None
        self._scene.waited += self._scene.clock.now - began

    def hear_kept(self) -> None:
        """Hear that the driver has kept what was sent."""
        habits, now = self._scene.habits, self._scene.clock.now
        self._under_way = False
        self._due = now + max(habits.rows, habits.patience * (now - self._sent))
        if self._waits:
            self._waits = False
            self._scene.clock.wake(self.process)
        elif self._idles:
            self._send()


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
    scene.run()
    end = max(scene.ended, scene.tune.free)  # the command ends after Tune has
    work = sum(load.seconds(costs) for load in loads)
    return Outcome(
        makespan=end,
        ideal=max(work / workers, *(load.longest * costs.alone for load in loads)),
        work=work,
        workers=workers,
        trials=scene.kept,
        messages=scene.messages,
        driver=scene.core.busy / end,
        tune=scene.tune.busy / end,
        broker=scene.broker.busy / end,
        waited=scene.waited,
    )
