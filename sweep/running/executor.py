"""The executor interface, the run that an executor is given, and requests to stop."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Protocol

from sweep.planning.plan import Plan
from sweep.running.coordinator import Coordinator, RunPhase, SweepProgress
from sweep.running.record import ProgressRecord
from sweep.running.work_queue import WorkQueue
from sweep.store.places.layout import ResultsDir

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SECONDS_BETWEEN_TICKS = 0.2

OnProgress = Callable[[SweepProgress], None]


class Executor(Protocol):
    """Trains the packs of a run: in this process, or on Ray."""

    @property
    def ray_version(self) -> str | None:
        """The version of Ray that trains; None where Ray does not."""
        ...

    def workers(self, asked: int | None) -> int:
        """Return for how many packs at a time to plan, when the sweep asks for so many."""
        ...

    def train(self, run: "ActiveRun") -> None:
        """Train every pack of the run's queue; return when all are done, or as soon as asked to.

        Raises:
            SweepError: it cannot train here, or what it trains on was lost.
        """
        ...


class StoppedAtOnce(KeyboardInterrupt):
    """A signal came while there was nothing to keep yet."""


class Interrupt:
    """Ctrl-C and SIGTERM as a request to stop: the first sets it, the second raises."""

    def __init__(self) -> None:
        self.requested = False
        self._at_once = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        if self._at_once:
            raise StoppedAtOnce

    @contextlib.contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """Handle the signals within the block, where nothing is to be kept.

        Raises:
            StoppedAtOnce: at the first signal.
        """
        self._at_once = True
        try:
            with self.listening():
                yield
        finally:
            self._at_once = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals within the block. Entered anew once Ray runs, which sets its own."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[signal.Signals, Any] = {n: signal.signal(n, self) for n in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass
class ActiveRun:
    """A run under way, as an executor sees it.

    Attributes:
        plan: what to train. directory: where the results go.
        coordinator: keeps what workers send.
        make_queue: returns the packs to train, for so many workers.
        on_progress: told how far the run is; None for nobody.
        max_failed: failed trials that end the run if there are more; None for any number.
        interrupt: whether the user has asked to stop.
        record: where others read how far the run is; None for nowhere.
    """

    plan: Plan
    directory: ResultsDir
    coordinator: Coordinator
    make_queue: Callable[[int], WorkQueue]
    on_progress: OnProgress | None
    max_failed: int | None = None
    interrupt: Interrupt = field(default_factory=Interrupt)
    record: ProgressRecord | None = None
    _ticked: float = 0.0
    _stop_shown: bool = False

    def queue(self, workers: int) -> WorkQueue:
        """Return the packs to train by so many workers; the queue hears of their results."""
        queue = self.make_queue(workers)
        self.coordinator.on_rows = queue.hear
        return queue

    def should_stop(self) -> bool:
        """Return whether to end with what there is; the first time that it is so, show it."""
        stop = self.interrupt.requested or self.gives_up
        if stop and not self._stop_shown:
            self._stop_shown = True
            self.coordinator.stopping = True
            self._show()
        return stop

    @property
    def gives_up(self) -> bool:
        """Whether more trials of this run have failed than are allowed."""
        return self.max_failed is not None and self.coordinator.failed > self.max_failed

    def enter(self, phase: RunPhase) -> None:
        """Show what is waited for until a worker has begun."""
        self.coordinator.starting = phase
        self._show()

    def tick(self, *, now: bool = False) -> None:
        """Show progress, a few times a second at most unless it must be seen `now`."""
        if now or time.monotonic() - self._ticked >= SECONDS_BETWEEN_TICKS:
            self._ticked = time.monotonic()
            self._show()

    def _show(self) -> None:
        if self.on_progress:
            self.on_progress(self.coordinator.progress())
        if self.record:
            self.record.update(self.coordinator)
