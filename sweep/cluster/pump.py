"""Runs packs on Ray: feeds the collector, keeps what it holds, until Tune is done."""

import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweep.cluster.collector import Collector
from sweep.cluster.ledger import Ledger
from sweep.cluster.messages import Delivery, Offer
from sweep.cluster.tuning import run_packs
from sweep.errors import SweepError
from sweep.training.work import Work

NAMESPACE = "sweep"
POLL_SECONDS = 0.5


def run_on_ray(
    works: Iterator[Work],
    ledger: Ledger,
    *,
    slots: int,
    workers: int | None,
    retries: int,
    checkpoint_seconds: float,
    should_stop: Callable[[], bool],
    tick: Callable[[], None],
) -> None:
    """Train the packs with Ray Tune; return when all are done, or stopped.

    Args:
        works: the packs, made only as they are needed.
        ledger: keeper of what they yield.
        slots: packs that the cluster can run now; as many are kept ready.
        workers: most packs at a time; None for as many as the cluster, which may grow, holds.
        retries: how often a pack that failed is started again.
        checkpoint_seconds: longest time between checkpoints of a pack, s.
        should_stop: whether to end, keeping what there is.
        tick: called a few times a second.

    Raises:
        SweepError: another driver runs the same sweep on the cluster, or the collector was lost.
    """
    collector = _start_collector(ledger.sweep, slots)
    tuning = _Background(
        lambda: run_packs(
            collector,
            sweep=ledger.sweep,
            retries=retries,
            checkpoint_seconds=checkpoint_seconds,
            workers=workers,
        )
    )
    try:
        _pump(collector, works, ledger, tuning.is_running, should_stop, tick)
    except ray.exceptions.RayActorError as error:
        raise SweepError(f"collector lost; run the same command to go on ({error})") from error
    finally:
        ray.kill(collector)
    tuning.reraise()


def _pump(
    collector: Any,
    works: Iterator[Work],
    ledger: Ledger,
    is_running: Callable[[], bool],
    should_stop: Callable[[], bool],
    tick: Callable[[], None],
) -> None:
    confirmed: list[int] = []
    while True:
        running = is_running()
        wait = POLL_SECONDS if running else 0.0
        delivery: Delivery = ray.get(collector.take.remote(confirmed, wait))
        for item in delivery.items:
            ledger.keep(item.pack_id, item.message)
        confirmed = [item.number for item in delivery.items]
        ledger.note(delivery.tally)
        tick()
        if should_stop() and not ledger.stopping:
            ledger.stopping = True
            ray.get(collector.stop.remote())
        if not running and not delivery.items:
            return
        _feed(collector, works, ledger, delivery.room)


def _feed(collector: Any, works: Iterator[Work], ledger: Ledger, room: int) -> None:
    """Offer as many packs as there is room for; close the collector after the last."""
    for _ in range(0 if ledger.stopping else room):
        work = next(works, None)
        if work is None:
            ray.get(collector.close.remote())
            return
        ledger.open(work)
        ray.get(collector.offer.remote(Offer.of(work.pack), pickle.dumps(work)))


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
        return ray.remote(Collector).options(**options).remote(ahead, paths)
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

    def reraise(self) -> None:
        """Raise what the function raised, if anything."""
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._error = error
