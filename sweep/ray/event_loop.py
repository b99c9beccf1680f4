"""Runs packs on Ray: feeds the collector, keeps what it holds, until Tune is done."""

import functools
import pickle
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.config.sweepfile import Resources
from sweep.errors import SweepError
from sweep.ray.broker import Collector
from sweep.ray.liveness import Vigil
from sweep.ray.tuning import run_packs
from sweep.running.coordinator import Ledger
from sweep.running.messages import Delivery, Ended, Item, Offer
from sweep.running.scratch import scratch_folder
from sweep.training.work import Work

NAMESPACE = "sweep"
POLL_SECONDS = 0.5
MOST_COLLECTORS = 4
SECONDS_TO_END = 120.0
SECONDS_TO_STOP = 90.0
"""Silence after a stop was asked for, s, that ends those who still train; less than the time that
a cluster leaves to a job that it stops.
"""


def run_on_ray(
    works: Iterator[Work],
    ledger: Ledger,
    *,
    slots: int,
    resources: Resources,
    vigil: Vigil,
    should_stop: Callable[[], bool],
    tick: Callable[[], None],
) -> None:
    """Train the packs with Ray Tune; return when all are done, or stopped.

    Args:
        works: the packs, made only as they are needed.
        ledger: keeper of what they yield.
        slots: packs that the cluster can run now; as many are kept ready.
        resources: how many packs at a time, how often to try one again, how long to wait.
        vigil: knows whether Ray lives.
        should_stop: whether to end, keeping what there is.
        tick: called a few times a second.

    Raises:
        RayDiedError: Ray died.
        SweepError: another driver runs the same sweep on the cluster, or the collector was lost
            again and again.
    """
    supply = _Supply(works, ledger, vigil)
    with scratch_folder("sweep-tune-") as storage:
        run = functools.partial(run_packs, sweep=ledger.sweep, resources=resources, storage=storage)
        for left in reversed(range(MOST_COLLECTORS)):
            collector = _start_collector(ledger.sweep, slots)
            tuning = _Background(functools.partial(run, collector))
            try:
                _pump(collector, supply, ledger, vigil, tuning.is_running, should_stop, tick)
            except ray.exceptions.RayActorError as error:
                vigil.settle()
                tuning.wait(SECONDS_TO_END)  # its workers and its search end with the collector
                if not left or tuning.is_running():
                    raise SweepError(
                        f"collector lost; run the same command to go on ({error})"
                    ) from error
                supply.begin_again()
            else:
                tuning.reraise()
                return
            finally:
                ray.kill(collector)


def _pump(
    collector: Any,
    supply: "_Supply",
    ledger: Ledger,
    vigil: Vigil,
    is_running: Callable[[], bool],
    should_stop: Callable[[], bool],
    tick: Callable[[], None],
) -> None:
    confirmed: list[int] = []
    heard = time.monotonic()
    while True:
        running = is_running()
        wait = POLL_SECONDS if running else 0.0
        delivery: Delivery = vigil.get(collector.take.remote(confirmed, wait))
        for item in delivery.items:
            supply.keep(item)
        confirmed = [item.number for item in delivery.items]
        heard = time.monotonic() if confirmed or not ledger.stopping else heard
        ledger.note(delivery.tally)
        tick()
        if should_stop() and not ledger.stopping:
            ledger.stopping = True
            vigil.get(collector.stop.remote())
        if not running and not delivery.items:
            return
        if time.monotonic() - heard > SECONDS_TO_STOP:
            heard = time.monotonic()
            for worker in vigil.get(collector.workers.remote()):
                ray.kill(worker)
        vigil.require()
        supply.feed(collector, delivery.room)


class _Supply:
    """The packs still to be handed out: new ones, halves of lost ones, those to be begun again."""

    def __init__(self, works: Iterator[Work], ledger: Ledger, vigil: Vigil) -> None:
        self._works, self._ledger, self._vigil = works, ledger, vigil
        self._again: deque[tuple[Work, bytes | None]] = deque()

    def keep(self, item: Item) -> None:
        """Have a message kept; a pack whose worker died every time comes back in halves."""
        ended, halves = item.message, tuple[Work, ...]()
        if isinstance(ended, Ended) and ended.lost:
            halves = self._ledger.split(item.pack_id, ended)
        self._again += [(half, None) for half in halves]
        if not halves:
            self._ledger.keep(item.pack_id, item.message)

    def begin_again(self) -> None:
        """Hand out once more what had not ended, as nobody works on it any longer."""
        self._again = deque(self._ledger.under_way())

    def feed(self, collector: Any, room: int) -> None:
        """Offer as many packs as there is room for; close the collector after the last has ended.

        Until then any pack may come back in halves.
        """
        for _ in range(0 if self._ledger.stopping else room):
            work, checkpoint = self._next()
            if work is None:
                if not self._ledger.is_open():
                    self._vigil.get(collector.close.remote())
                return
            self._vigil.get(
                collector.offer.remote(Offer.of(work.pack), pickle.dumps(work), checkpoint)
            )

    def _next(self) -> tuple[Work | None, bytes | None]:
        if self._again:
            return self._again.popleft()
        work = next(self._works, None)
        if work is not None:
            self._ledger.open(work)
        return work, None


def _start_collector(sweep: str, ahead: int) -> Any:
    """Start the actor beside the driver, under a name that a second driver would collide with."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {
        "name": f"collector-{sweep}",
        "namespace": NAMESPACE,
        "num_cpus": 0,
        "max_concurrency": 10_000,
        "scheduling_strategy": here,
    }
    paths = tuple(path for path in sys.path if path)
    try:
        collector: Any = ray.remote(Collector).options(**options).remote(ahead, paths)
        collector.share_fate.remote()
        return collector
    except ValueError as error:
        raise SweepError(
            f"sweep {sweep!r} must have one driver (another runs it on this cluster); "
            "wait for it to end, or give this one another name"
        ) from error


class _Background:
    """A function under way in a thread, which ends with the process at the latest."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the function to end, for this long at most."""
        self._thread.join(seconds)

    def reraise(self) -> None:
        """Raise what the function raised, if anything."""
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._error = error
