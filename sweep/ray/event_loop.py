"""The driver's event loop on Ray: feeds the broker, keeps what it holds, until Tune is done."""

import functools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.errors import SweepError
from sweep.ray.broker import Broker
from sweep.ray.liveness import RayMonitor
from sweep.ray.staffing import Places
from sweep.ray.tuning import run_workers
from sweep.running.collection import collecting_rarely
from sweep.running.coordinator import Coordinator
from sweep.running.executor import ActiveRun
from sweep.running.messages import Delivery, Ended, Item, Offer
from sweep.running.work_queue import WorkQueue
from sweep.scratch import scratch_folder
from sweep.training.work import Work

NAMESPACE = "sweep"
POLL_SECONDS = 0.5
MOST_BROKERS = 4
MOST_CALLS = 100_000
"""Calls of the broker under way: two of each worker, while the driver's must come through."""

MOST_OFFERS = 64
"""Small packs offered at once, between which nothing that workers send is kept."""

SECONDS_TO_END = 120.0
SECONDS_TO_STOP = 90.0
"""Silence after a stop was asked for, s, that ends those who still train; less than the time that
a cluster leaves to a job that it stops.
"""


@collecting_rarely()
def run_on_ray(run: ActiveRun, queue: WorkQueue, *, places: Places, monitor: RayMonitor) -> None:
    """Train the packs by workers that Ray Tune keeps going; return when all are done, or stopped.

    Args:
        run: the run, which says when to stop and is told several times a second to show progress.
        queue: the packs, made only as they are needed.
        places: packs to keep ready, and workers that the cluster has room for.
        monitor: knows whether Ray lives.

    Raises:
        RayDiedError: Ray died.
        SweepError: another driver runs the same sweep on the cluster, or the broker was lost
            again and again.
    """
    sweep = run.coordinator.sweep
    supply = _Supply(queue, run.coordinator, monitor)
    with scratch_folder("sweep-tune-") as storage:
        resources = run.plan.config.resources
        tune = functools.partial(run_workers, sweep=sweep, resources=resources, storage=storage)
        for left in reversed(range(MOST_BROKERS)):
            broker = _start_broker(sweep, places, resources.retries)
            tuning = _Background(functools.partial(tune, broker))
            try:
                # Where Tune's search finds no work at first, Tune sleeps for seconds.
                supply.feed(broker, monitor.get(broker.take.remote([], 0.0)))
                tuning.start()
                _run_event_loop(run, broker, supply, monitor, tuning.is_running)
            except ray.exceptions.RayActorError as error:
                monitor.settle()
                tuning.wait(SECONDS_TO_END)  # its workers and its search end with the broker
                if not left or tuning.is_running():
                    raise SweepError(
                        f"the broker of rows was lost; run the same command to go on ({error})"
                    ) from error
                supply.begin_again()
            else:
                tuning.reraise()
                return
            finally:
                ray.kill(broker)


def _run_event_loop(
    run: ActiveRun,
    broker: Any,
    supply: "_Supply",
    monitor: RayMonitor,
    is_running: Callable[[], bool],
) -> None:
    coordinator = run.coordinator
    confirmed: list[int] = []
    told_to_stop = False
    heard = time.monotonic()
    while True:
        running = is_running()
        wait = POLL_SECONDS if running else 0.0
        delivery: Delivery = monitor.get(broker.take.remote(confirmed, wait))
        for item in delivery.items:
            supply.keep(item)
        confirmed = [item.number for item in delivery.items]
        heard = time.monotonic() if confirmed or not coordinator.stopping else heard
        coordinator.note(delivery.tally, delivery.workers)
        run.tick()
        if run.should_stop() and not told_to_stop:
            told_to_stop = True
            monitor.get(broker.stop.remote())
        if not running and not delivery.items:
            return
        if time.monotonic() - heard > SECONDS_TO_STOP:
            heard = time.monotonic()
            for worker in monitor.get(broker.workers.remote()):
                ray.kill(ray.cloudpickle.loads(worker))
        monitor.require()
        supply.feed(broker, delivery)


class _Supply:
    """The packs still to be handed out: new ones, halves of lost ones, those to be begun again."""

    def __init__(self, queue: WorkQueue, coordinator: Coordinator, monitor: RayMonitor) -> None:
        self._queue, self._coordinator, self._monitor = queue, coordinator, monitor
        self._again: deque[tuple[Work, bytes | None]] = deque()

    def keep(self, item: Item) -> None:
        """Have a message kept; a pack whose worker died every time comes back in halves."""
        ended, halves = item.message, tuple[Work, ...]()
        if isinstance(ended, Ended) and ended.lost:
            halves = self._coordinator.split(item.pack_id, ended)
        self._again += [(half, None) for half in halves]
        if not halves:
            self._coordinator.keep(item.pack_id, item.message)

    def begin_again(self) -> None:
        """Hand out once more what had not ended, as nobody works on it any longer."""
        self._again = deque(self._coordinator.under_way())

    def feed(self, broker: Any, delivery: Delivery) -> None:
        """Offer as many packs as there is room for; close the broker after the last has ended.

        Until then any pack may come back in halves.
        """
        if self._coordinator.stopping or not (delivery.room or delivery.spare):
            return
        if offers := list(self._offers(delivery.room, delivery.spare)):
            self._monitor.get(broker.offer.remote(offers))
        elif self._queue.ended() and not self._coordinator.is_open():
            self._monitor.get(broker.close.remote())

    def _offers(self, room: int, spare: int) -> Iterator[Offer]:
        """Yield so many packs, and more while they all have fewer trials than `spare`."""
        trials = 0
        for count in range(max(room, MOST_OFFERS)):
            if count >= room and trials >= spare:
                return
            work, checkpoint = self._next()
            if work is None:
                return
            trials += len(work.pack.trials)
            yield Offer.of(work, checkpoint)

    def _next(self) -> tuple[Work | None, bytes | None]:
        if self._again:
            return self._again.popleft()
        work = self._queue.take()
        if work is not None:
            self._coordinator.open(work)
        return work, None


def _start_broker(sweep: str, places: Places, retries: int) -> Any:
    """Start the actor beside the driver, under a name that a second driver would collide with."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {
        "name": f"broker-{sweep}",
        "namespace": NAMESPACE,
        "num_cpus": 0,
        "max_concurrency": MOST_CALLS,
        "scheduling_strategy": here,
    }
    paths = tuple(path for path in sys.path if path)
    try:
        broker: Any = ray.remote(Broker).options(**options).remote(places, retries, paths)
        broker.share_fate.remote()
        return broker
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

    def start(self) -> None:
        self._thread.start()

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the function to end, for this long at most."""
        if self.is_running():
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
