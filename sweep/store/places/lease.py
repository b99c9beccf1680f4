"""Lets one process write a place in object storage.

The lock is an object that its holder renews: it is free once it is empty or stands still. Every put
is conditional on what the holder saw last, so that of many that begin at once one takes it, and
a renewal that was long on its way never overwrites a successor's.
"""

import json
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from uuid import uuid4

from sweep.errors import StoreError
from sweep.store.places.conditional import ConflictError, Version
from sweep.store.places.files import reporting
from sweep.store.places.remote import RemotePath

RENEWAL_SECONDS = 10.0
FREE_AFTER_SECONDS = 35.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Holder:
    """The process that writes."""

    pid: int
    host: str


@dataclass(frozen=True)
class _Hold:
    """What the object says: who holds it, from which machine, and how often it was renewed."""

    pid: int
    host: str
    machine: str
    token: str
    renewals: int = 0

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode()


class Lease:
    """An exclusive hold on `path` from `acquire` to `release`."""

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self._hold = _Hold(os.getpid(), socket.gethostname(), _machine(), uuid4().hex)
        self._version: Version | None = None
        self._renewed = time.monotonic()
        self._renewing = threading.Lock()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, daemon=True)
        self._lost: StoreError | None = None

    def acquire(self) -> None:
        """Take the lease once it is free, as `require_free` has it.

        Raises:
            StoreError: if another process renews it, naming that process.
        """
        with reporting(self.path, "held"):
            while not self._take(self._wait_until_free()):
                pass
        self._thread.start()

    def require_free(self) -> None:
        """Wait for the lease of a process that may have been killed to lapse; nothing is written.

        Raises:
            StoreError: if another process renews it, naming that process.
        """
        self._wait_until_free()

    def require(self) -> None:
        """Raise if another process has taken the lease meanwhile, or may have.

        Raises:
            StoreError: naming that process.
        """
        if time.monotonic() - self._renewed > FREE_AFTER_SECONDS:
            self._renew()
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Give the lease back; harmless when it is not held."""
        self._released.set()
        if self._thread.is_alive():
            self._thread.join()
            if self._lost is None:
                with suppress(OSError, StoreError, ConflictError):  # it lapses by itself then
                    self.path.put_version(b"", self._version)

    def _wait_until_free(self) -> Version | None:
        """Return the version of the object once its holder has gone; None if there is none."""
        (seen, version), began = _read(self.path), time.monotonic()
        while seen is not None and not _has_died(seen):
            if time.monotonic() - began > FREE_AFTER_SECONDS:
                break
            time.sleep(POLL_SECONDS)
            now, version = _read(self.path)
            if now is not None and now != seen:
                raise self._refusal(now)
            seen = now
        return version

    def _take(self, version: Version | None) -> bool:
        """Put our hold in place of `version`; False if another was faster and is gone again."""
        began = time.monotonic()
        with suppress(ConflictError):  # even so it may be ours: an answer that was lost
            self.path.put_version(self._hold.encoded(), version)
        held, self._version = _read(self.path)
        if held is not None and held.token != self._hold.token:
            raise self._refusal(held)
        self._renewed = began
        return held is not None

    def _renew_often(self) -> None:
        while self._lost is None and not self._released.wait(RENEWAL_SECONDS):
            with suppress(OSError, StoreError):  # the writer meets a fault of the store too
                self._renew()

    def _renew(self) -> None:
        with self._renewing:
            began = time.monotonic()
            hold = replace(self._hold, renewals=self._hold.renewals + 1)
            try:
                self._version = self.path.put_version(hold.encoded(), self._version)
            except ConflictError:
                held, self._version = _read(self.path)
                if held is None or held.token != hold.token:
                    self._lost = self._refusal(held)
                    return
                hold = held  # only the answer was lost
            self._hold, self._renewed = hold, began

    def _refusal(self, hold: _Hold | None) -> StoreError:
        if hold is None:
            return StoreError(
                f"{self.path.parent}: must have one writer, and another has written there "
                "meanwhile; run the same command again"
            )
        return StoreError(
            f"{self.path.parent} is being written by pid {hold.pid} on host {hold.host}; "
            "wait for it to end or stop it, then run the same command again"
        )


def lease_holder(path: RemotePath) -> Holder | None:
    """Return who holds the lease at `path`, or held it when it was killed; None if nobody."""
    hold, _ = _read(path)
    return None if hold is None or _has_died(hold) else Holder(hold.pid, hold.host)


def _read(path: RemotePath) -> tuple[_Hold | None, Version | None]:
    """Return who claims the lease, None if nobody does, and the version of the object."""
    found = path.read_version()
    if not found.data:
        return None, found.version
    try:
        return _Hold(**json.loads(found.data)), found.version
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path}: must be a lease of sweep; remove it") from error


def _has_died(hold: _Hold) -> bool:
    """Return whether the holder was a process of this machine that has gone."""
    if hold.machine != _machine():
        return False
    try:
        os.kill(hold.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _machine() -> str:
    """Name what process numbers hold for: this boot of this machine, and this container."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    space = Path("/proc/self/ns/pid")
    try:
        return f"{boot.read_text().strip()} {space.readlink()}"
    except OSError:
        return uuid4().hex
