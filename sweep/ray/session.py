"""Starts Ray quietly, or joins a cluster that runs."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import RayDiedError, SweepError
from sweep.planning.disk import MOST_WORKERS_PER_CPU, available_cpus
from sweep.ray.access import connecting, require_listener
from sweep.ray.staffing import Places

if TYPE_CHECKING:
    from sweep.ray.liveness import RayMonitor

SECONDS_WITHOUT_RAY = 2.0
SECONDS_WITHOUT_CLUSTER = 40.0
"""Less than the minute after which Ray itself ends the driver."""

ENVIRONMENT = {
    # Without it drivers use tokens but `ray start` and `ray job` do not, and cannot join.
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # A first Ctrl-C is ours: workers are asked to stop and to keep what they have.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # The broker decides how many packs may be starting.
    "TUNE_MAX_PENDING_TRIALS_PG": "100000",
    # Nothing of the experiment is restored from Tune's own state.
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    # At Ray's own 15 a worker gets a thirtieth of what any other process gets: on a busy machine
    # its imports alone take minutes. Who wants sweep to stand back starts it with `nice`.
    "RAY_worker_niceness": "0",
    # Nothing of ours starts a Ray unasked, once that which it had has died.
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


def set_environment() -> None:
    """Set what Ray is to find in the environment, where not set, also if it is imported already."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "ray" in sys.modules:
        _read_again()


def _read_again() -> None:
    """Have an imported Ray read its options anew: it keeps those that it found when imported.

    Else this process uses no token, though the Ray that it starts asks for one. Ray itself does
    so where it turns tokens on.
    """
    import ray

    if not ray.is_initialized():
        from ray import _raylet

        raylet: Any = _raylet  # compiled, and there is no public way
        raylet.Config.initialize("")


@dataclass(frozen=True)
class Session:
    """A connection to Ray.

    Attributes:
        cpus, gpus: what the nodes have that are up now.
        grows: whether there may be more later, as on a cluster that is not ours.
        monitor: knows whether Ray lives.
        nodes: CPUs and GPUs of each.
    """

    cpus: int
    gpus: float
    grows: bool
    monitor: "RayMonitor"
    nodes: tuple[tuple[float, float], ...] = ()

    def require(self, *, cpus: float, gpus: float) -> None:
        """Raise if a pack that takes this much could never start, or a node could not train it.

        Raises:
            SweepError: naming what is too much; of a cluster, every fault of every node.
        """
        if self.grows:
            from sweep.ray.preflight import check_cluster

            check_cluster(cpus=cpus, gpus=gpus)
            return
        for key, wanted, held in (("cpus", cpus, self.cpus), ("gpus", gpus, self.gpus)):
            if wanted > held:
                raise SweepError(
                    f"resources: {key}_per_pack must be at most the {held:g} {key} of this Ray "
                    f"(got {wanted:g}); lower it, or give the --address of a cluster that has them"
                )

    def slots(self, workers: int | None) -> int:
        """Return how many packs to make ready for, at least 1.

        Args:
            workers: most packs at a time, which a cluster that grows may yet come to; None for as
                many as there are CPUs.
        """
        if workers and self.grows:
            return workers
        return max(1, min(workers or self.cpus, self.cpus))

    def places(self, workers: int | None) -> Places:
        """Return what there is for workers, of which `workers` may run at a time."""
        if self.grows:
            return Places(self.slots(workers), workers, nodes=self.nodes)
        return Places(self.slots(workers), workers, self.cpus, self.gpus, self.nodes)


@contextlib.contextmanager
def ray_session(*, address: str | None, workers: int | None) -> Iterator[Session]:
    """Hold a connection to Ray: the one that the process has, a cluster's, or a Ray of our own.

    Args:
        address: `auto`, `ray://host:port` or a cluster's address; None for RAY_ADDRESS where that
            is set, else for an embedded Ray that ends with the block.
        workers: CPUs of an embedded Ray; None for all that this process may use.

    Raises:
        SweepError: the cluster cannot be reached.
        RayDiedError: Ray died within the block.
    """
    set_environment()
    import ray

    address = address or os.environ.get("RAY_ADDRESS")
    if ray.is_initialized():
        with _watched(grows=address is not None) as session:
            yield session
        return
    try:
        with _muffled(), _asked_only():
            _connect(address, workers)
            with _watched(grows=address is not None) as session:
                yield session
    except RayDiedError:
        _end_processes()
        raise
    finally:
        ray.shutdown()


@contextlib.contextmanager
def _watched(*, grows: bool) -> Iterator[Session]:
    import ray

    from sweep.ray.liveness import RayMonitor, places_of_ray

    held = ray.cluster_resources()  # type: ignore[no-untyped-call]
    patience = SECONDS_WITHOUT_CLUSTER if grows else SECONDS_WITHOUT_RAY
    monitor = RayMonitor(places_of_ray(), patience)
    try:
        yield Session(int(held.get("CPU", 0)), held.get("GPU", 0.0), grows, monitor, _nodes())
    except Exception:
        monitor.settle()  # whatever Ray raises once it has died
        raise
    finally:
        monitor.end()


def _nodes() -> tuple[tuple[float, float], ...]:
    """Return the CPUs and GPUs of each node that is up."""
    import ray

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    held = [node["Resources"] for node in nodes if node["Alive"]]
    return tuple((each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in held)


def _end_processes() -> None:
    """End what the driver's own Ray has started, which without the others waits for a minute."""
    import psutil  # it comes with Ray
    from ray._private import worker

    node: Any = worker._global_node
    for infos in node.all_processes.values() if node else ():
        for info in infos:
            with contextlib.suppress(psutil.Error):
                started = psutil.Process(info.process.pid)
                for process in (started, *started.children(recursive=True)):
                    process.kill()


@contextlib.contextmanager
def _muffled() -> Iterator[None]:
    """Keep Ray from printing to stdout why a worker or it itself died: `log_to_driver` does not."""
    from ray._private import worker

    printing = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *args, **kwargs: None
    try:
        yield
    finally:
        worker.print_to_stdstream = printing


@contextlib.contextmanager
def _asked_only() -> Iterator[None]:
    """Keep Ray from starting unasked, also where it was imported before the environment was set."""
    from ray._private import auto_init_hook

    held = auto_init_hook.enable_auto_connect
    auto_init_hook.enable_auto_connect = os.environ["RAY_ENABLE_AUTO_CONNECT"] != "0"
    try:
        yield
    finally:
        auto_init_hook.enable_auto_connect = held


def _connect(address: str | None, workers: int | None) -> None:
    import ray

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures become rows, not lines
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        cpus = workers or available_cpus()
        most = available_cpus() * MOST_WORKERS_PER_CPU
        if cpus > most:
            raise SweepError(
                f"resources.workers must be at most {most:,} on this machine of "
                f"{available_cpus():,} CPUs (got {cpus:,}); give fewer, or a cluster's --address"
            )
        try:
            ray.init("local", num_cpus=cpus, include_dashboard=False, **quiet)
        except Exception as error:  # Ray raises just that
            said = " ".join(str(error).split())[:200]
            raise SweepError(
                f"Ray must start on this machine (got: {said}); run the same command again once "
                "the machine is less busy, or train without Ray: --no-ray"
            ) from error
        _guard_token()
        return
    if address.startswith("http"):
        raise SweepError(
            "--address must be auto, HOST:PORT or ray://HOST:10001 (got a job server, "
            f"{address}); `sweep submit` runs a sweep as a job there"
        )
    with connecting(address):
        require_listener(address)
        ray.init(address, **quiet)


def _guard_token() -> None:
    """Keep the token that Ray writes readable by all to its owner."""
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token")).expanduser()
    with contextlib.suppress(OSError):
        token.chmod(0o600)
