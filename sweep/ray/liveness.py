"""Notices when Ray itself has died, or the parent of a worker.

Ray's own way is to end the driver after a minute, with a message of its own and the workers left.
"""

import os
import threading
import time
from collections.abc import Sequence
from functools import cache
from typing import Any

import ray

from sweep.errors import RayDiedError
from sweep.ray.access import require_listener

POLL_SECONDS = 1.0


class RayMonitor:
    """Watches the processes that a driver's Ray stands on, from a thread of its own.

    Args:
        places: each process by name, and where it listens, as `host:port`; one that does not
            answer at the beginning cannot be reached from here, and is not watched.
        patience: for how long one may not answer, s: a cluster's may be started anew.
    """

    def __init__(self, places: Sequence[tuple[str, str]], patience: float) -> None:
        self._places = [place for place in places if _silence(place[1]) is None]
        self._patience = patience
        self._since: dict[str, float] = {}
        self._over = threading.Event()
        self._lost: str | None = None
        if self._places:
            threading.Thread(target=self._watch, daemon=True).start()

    def get(self, answer: Any) -> Any:
        """Return what a call to an actor gives.

        Raises:
            RayDiedError: Ray died, so that no answer can come.
        """
        while True:
            try:
                return ray.get(answer, timeout=POLL_SECONDS)
            except ray.exceptions.GetTimeoutError:
                self.require()

    def require(self) -> None:
        """Raise if Ray has died.

        Raises:
            RayDiedError: with what has died.
        """
        if self._lost:
            raise RayDiedError(self._lost)

    def settle(self) -> None:
        """Raise if Ray has died, and wait until that is certain; at once if all of it answers.

        Raises:
            RayDiedError: with what has died.
        """
        self._look()
        while self._since and not self._lost:
            time.sleep(POLL_SECONDS / 4)
            self._look()
        self.require()

    def end(self) -> None:
        """Watch no longer."""
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS) and not self._lost:
            self._look()

    def _look(self) -> None:
        for name, address in self._places:
            if silence := _silence(address):
                since = self._since.setdefault(name, time.monotonic())
                if time.monotonic() - since >= self._patience:
                    self._lost = f"Ray died: {name} at {address} does not answer ({silence})"
            else:
                self._since.pop(name, None)


def _silence(address: str) -> OSError | None:
    """Return why nobody answers there; None if somebody does."""
    try:
        require_listener(address)
    except OSError as error:
        return error
    return None


def places_of_ray() -> list[tuple[str, str]]:
    """Return what the driver's connection to Ray stands on, by name, and where it listens.

    That of a Ray client says itself when it is lost.
    """
    if ray.util.client.ray.is_connected():  # type: ignore[no-untyped-call]
        return []
    own = ray.get_runtime_context()
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    here = next(node for node in nodes if node["NodeID"] == own.get_node_id())
    raylet = f"{here['NodeManagerAddress']}:{here['NodeManagerPort']}"
    return [("gcs_server", own.gcs_address), ("raylet", raylet)]


@cache
def end_with_parent() -> None:
    """End this process within a second of the one that started it; again it does nothing.

    Ray's workers see to that themselves, but not where another process than the first of the
    machine adopts them, as in containers and in sessions of systemd.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
