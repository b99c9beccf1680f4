"""What a Ray Tune worker runs: one pack, its results acknowledged by the driver."""

import contextlib
import pickle
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import ray
from ray import tune

from sweep.ray.liveness import end_with_parent
from sweep.ray.watchdog import Watchdog
from sweep.result import TrialResult
from sweep.running.messages import Broken, Job, Message, Rows, Saved, Tally
from sweep.running.worker_loop import pause_after

SECONDS_BETWEEN_BEATS = 0.25


def resources_of(config: dict[str, Any]) -> tune.PlacementGroupFactory:
    """Return what a Tune trial with this config occupies."""
    bundle = {"CPU": config["cpus"], "GPU": config["gpus"]}
    return tune.PlacementGroupFactory([{k: v for k, v in bundle.items() if v}])


def train(
    config: dict[str, Any],
    *,
    broker: Any,
    sweep: str,
    checkpoint_seconds: float,
    stall_seconds: float,
) -> None:
    """Train the pack that `config` names, from its latest checkpoint if there is one.

    Args:
        config: what `PackSearcher` suggested.
        broker: handle of the `Broker` actor.
        sweep: name of the sweep, written into every row.
        checkpoint_seconds: longest time between checkpoints, s.
        stall_seconds: longest time that a chunk of epochs may take, s; the process ends after it.

    Raises:
        Exception: whatever training raised, after the driver was told, so that Tune tries again.
    """
    with contextlib.suppress(ray.exceptions.ActorDiedError):  # the driver offers the pack again
        channel = _WorkerChannel(broker, config["pack_id"], sweep, stall_seconds)
        _train(channel, broker, checkpoint_seconds)


def _train(channel: "_WorkerChannel", broker: Any, checkpoint_seconds: float) -> None:
    own = ray.get_runtime_context().current_actor
    started = broker.start.remote(channel.pack_id, host=socket.gethostname(), worker=own)
    job: Job | None = ray.get(started)
    if job is None:
        return
    try:
        _train_job(job, channel, checkpoint_seconds)
    except ray.exceptions.RayError:
        raise
    except Exception as error:
        channel.send(Broken.of(error, traceback.format_exc()))
        raise


def _train_job(job: Job, channel: "_WorkerChannel", checkpoint_seconds: float) -> None:
    end_with_parent()
    sys.path += [path for path in job.import_paths if path not in sys.path]
    import torch

    from sweep.running.worker_loop import run_pack

    torch.set_num_threads(1)
    work = replace(pickle.loads(job.work), checkpoint=job.checkpoint, attempt=job.attempt)
    with channel.watchdog:
        run_pack(work, channel, checkpoint_seconds=checkpoint_seconds)


class _WorkerChannel:
    """A worker's end of the channel to the driver, for one pack.

    Attributes:
        watchdog: hears of every chunk of epochs; once it has begun, no chunk may take longer than
            `stall_seconds`.
    """

    def __init__(self, broker: Any, pack_id: str, sweep: str, stall_seconds: float) -> None:
        self.pack_id = pack_id
        self.watchdog = Watchdog(stall_seconds, self._report_stall)
        self._stall_seconds = stall_seconds
        self._broker = broker
        self._sweep = sweep
        self._tally = Tally()
        self._next_beat = 0.0
        self._stop = False

    def send(self, message: Message) -> None:
        """Deliver a message; return once the driver has kept it."""
        with self.watchdog.patient():
            self._put(message)

    def _put(self, message: Message) -> None:
        ray.get(self._broker.put.remote(self.pack_id, message))

    def _report_stall(self, stack: str) -> None:
        error = (
            f"no chunk of epochs ended within {self._stall_seconds:g} s "
            "(resources.stall_seconds allows more)"
        )
        self._put(Broken(error, stack, stalled=True))

    def rows(self, results: Sequence[TrialResult]) -> None:
        self.send(Rows.of(results, self._sweep))

    def checkpoint(self, data: bytes) -> None:
        self.send(Saved(data))

    def progress(self, progress: Any) -> None:
        self._tally = Tally.of(progress, self._tally.epochs)
        if not progress.active or progress.compiling:  # the next chance may be a while off
            self._beat()

    def should_stop(self) -> bool:
        """Report progress and hear whether to stop, a few times a second at most."""
        self.watchdog.hear()
        if time.monotonic() > self._next_beat:
            self._beat()
        return self._stop

    def _beat(self) -> None:
        began = time.monotonic()
        with self.watchdog.patient():
            self._stop = ray.get(self._broker.beat.remote(self.pack_id, self._tally))
        self._tally = replace(self._tally, epochs=0)
        now = time.monotonic()
        self._next_beat = now + pause_after(now - began, least=SECONDS_BETWEEN_BEATS)
