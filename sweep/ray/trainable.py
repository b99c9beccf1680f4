"""What a Ray Tune trial runs: a worker that trains pack after pack until none is left."""

import contextlib
import functools
import pickle
import socket
import sys
import traceback
from dataclasses import replace
from typing import Any

import ray
from ray import tune

from sweep.ray.channel import Withdrawn, WorkerChannel
from sweep.ray.crew import Crew
from sweep.ray.liveness import end_with_parent
from sweep.running.messages import Broken, Job
from sweep.training.work import Work


def resources_of(config: dict[str, Any]) -> tune.PlacementGroupFactory:
    """Return what a Tune trial with this config occupies: of one node, all its workers together.

    The process that keeps a crew going occupies nothing itself.
    """
    count = len(config["workers"])
    bundle = {"CPU": count * config["cpus"], "GPU": count * config["gpus"]}
    own: list[dict[str, float]] = [{}] if count > 1 else []
    return tune.PlacementGroupFactory([*own, {k: v for k, v in bundle.items() if v}])


def train(
    config: dict[str, Any],
    *,
    broker: Any,
    sweep: str,
    checkpoint_seconds: float,
    stall_seconds: float,
) -> None:
    """Train pack after pack until none is left, in this process or as a crew of several.

    Args:
        config: what `WorkerSearcher` suggested: the numbers of the workers, what each occupies.
        broker: handle of the `Broker` actor.
        sweep: name of the sweep, written into every row.
        checkpoint_seconds: longest time between checkpoints, s.
        stall_seconds: longest time that a chunk of epochs may take, s; the process ends after it.

    Raises:
        Exception: whatever training raised, after the driver was told, so that Tune starts the
            worker again in a process that it has not harmed.
    """
    train_as = functools.partial(
        train_worker,
        broker=broker,
        sweep=sweep,
        checkpoint_seconds=checkpoint_seconds,
        stall_seconds=stall_seconds,
    )
    workers = config["workers"]
    if len(workers) == 1:
        train_as(workers[0])
    else:
        end_with_parent()
        Crew(broker, train_as, cpus=config["cpus"], gpus=config["gpus"]).work(workers)


def train_worker(
    worker: int, *, broker: Any, sweep: str, checkpoint_seconds: float, stall_seconds: float
) -> None:
    """Train pack after pack, each from its latest checkpoint if there is one, until none is left.

    Raises:
        Exception: whatever training raised, after the driver was told.
    """
    end_with_parent()
    with contextlib.suppress(ray.exceptions.ActorDiedError):  # the driver offers the packs again
        channel = WorkerChannel(broker, worker, sweep, stall_seconds)
        own = ray.get_runtime_context().current_actor
        channel.enter(host=socket.gethostname(), handle=ray.cloudpickle.dumps(own))  # type: ignore[no-untyped-call]
        with channel.watchdog:
            _train_packs(channel, checkpoint_seconds)


def _train_packs(channel: WorkerChannel, checkpoint_seconds: float) -> None:
    while job := channel.next_job():
        try:
            _train_job(job, channel, checkpoint_seconds)
            channel.end_pack()
        except Withdrawn:
            continue
        except ray.exceptions.RayError:
            raise
        except Exception as error:
            channel.report(Broken.of(error, traceback.format_exc()))
            raise


def _train_job(job: Job, channel: WorkerChannel, checkpoint_seconds: float) -> None:
    sys.path += [path for path in job.import_paths if path not in sys.path]
    from sweep.running.worker_loop import run_pack

    work: Work = pickle.loads(job.work)
    work = replace(work, checkpoint=job.checkpoint, attempt=job.attempt)
    channel.watchdog.hear()
    run_pack(work, channel, checkpoint_seconds=checkpoint_seconds)
