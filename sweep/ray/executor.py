"""Trains the packs of a run on Ray: a Ray of its own, or a cluster's."""

import contextlib
from collections.abc import Iterator
from importlib import metadata

from sweep.errors import RayDiedError, SweepError
from sweep.planning.disk import available_cpus
from sweep.planning.plan import Plan
from sweep.ray.session import ray_session
from sweep.running.coordinator import RunPhase
from sweep.running.executor import ActiveRun, StoppedAtOnce


class RayExecutor:
    """Trains on Ray, which is imported and started once there is something to train.

    Args:
        address: a running cluster's; None for RAY_ADDRESS, else for an embedded Ray.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    @property
    def ray_version(self) -> str:
        return metadata.version("ray")

    def workers(self, asked: int | None) -> int:
        return asked or available_cpus()

    def train(self, run: ActiveRun) -> None:
        resources = run.plan.config.resources
        with contextlib.ExitStack() as stack:
            stack.enter_context(_saying_what_is_kept(run))
            started = ray_session(address=self._address, workers=resources.workers)
            try:
                with run.interrupt.stopping_at_once():
                    run.enter(RunPhase.STARTING_RAY)
                    session = stack.enter_context(started)
                    session.require(cpus=resources.cpus_per_pack, gpus=_gpus_per_pack(run.plan))
            except StoppedAtOnce:
                run.should_stop()  # which says so
                return
            from sweep.ray.event_loop import run_on_ray

            run.enter(RunPhase.STARTING_WORKERS)
            slots = session.slots(resources.workers)
            places = session.places(resources.workers)
            with run.interrupt.listening():
                run_on_ray(run, run.queue(slots), places=places, monitor=session.monitor)


@contextlib.contextmanager
def _saying_what_is_kept(run: ActiveRun) -> Iterator[None]:
    try:
        yield
    except RayDiedError as error:
        done = sum(run.coordinator.counts.values())
        raise SweepError(
            f"{error}; the {done:,} of {run.plan.missing:,} trials that had ended are in "
            f"{run.directory.path}, the others are kept as of their last checkpoint: run the "
            "same command to go on"
        ) from error


def _gpus_per_pack(plan: Plan) -> float:
    """Return the share of a GPU that the packs sent there take; 0 if none are."""
    resources = plan.config.resources
    shared = resources.gpu.gpus_per_pack if resources.gpu else resources.gpus_per_pack
    return shared if plan.on_gpu else 0.0
