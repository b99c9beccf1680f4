"""Lets one process write a place in object storage. Knows nothing of what it writes.

There is no lock there, only an object that its holder renews: it is free once it stands still.
Two that begin at the same moment can both pass. Then each trial may be trained and stored twice,
which readers see to; nothing is overwritten.
"""

import json
import os
import socket
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from sweep.errors import StoreError
from sweep.store.files import reporting
from sweep.store.remote import RemotePath

RENEWAL_SECONDS = 10.0
FREE_AFTER_SECONDS = 35.0
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Holder:
    """The process that writes."""

    pid: int
    host: str


@dataclass(frozen=True)
class _Claim:
    """What the object says: who holds it, from which machine, and how often it was renewed."""

    pid: int
    host: str
    machine: str
    token: str
    renewals: int = 0


class Lease:
    """An exclusive hold on `path` from `acquire` to `release`, as far as storage allows one."""

    def __init__(self, path: RemotePath) -> None:
        self.path = path
        self._claim = _Claim(os.getpid(), socket.gethostname(), _machine(), uuid4().hex)
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._taken_by: _Claim | None = None

    def acquire(self) -> None:
        """Take the lease once it is free, as `require_free` has it.

        Raises:
            StoreError: if another process renews it, naming that process.
        """
        with reporting(self.path, "held"):
            self.require_free()
            self._write(self._claim)
            held = _read(self.path)
        if held is not None and held.token != self._claim.token:
            raise self._refusal(held)
        self._thread.start()

    def require_free(self) -> None:
        """Wait for the lease of a process that may have been killed to lapse; nothing is written.

        Raises:
            StoreError: if another process renews it, naming that process.
        """
        seen, began = _read(self.path), time.monotonic()
        while seen is not None and not _has_died(seen):
            if time.monotonic() - began > FREE_AFTER_SECONDS:
                return
            time.sleep(POLL_SECONDS)
            now = _read(self.path)
            if now is not None and now != seen:
                raise self._refusal(now)
            seen = now

    def require(self) -> None:
        """Raise if another process has taken the lease meanwhile.

        Raises:
            StoreError: naming that process.
        """
        if self._taken_by is not None:
            raise self._refusal(self._taken_by)

    def release(self) -> None:
        """Give the lease back; harmless when it is not held."""
        self._released.set()
        if self._thread.is_alive():
            self._thread.join()
            with suppress(OSError, StoreError):  # it lapses, if it cannot be given back
                held = _read(self.path)
                if held is not None and held.token == self._claim.token:
                    self.path.unlink(missing_ok=True)

    def _renew(self) -> None:
        renewals = 0
        while not self._released.wait(RENEWAL_SECONDS):
            # A fault of the store the writer meets too, and says so; what reads as no lease may be
            # another's on its way, and is read again the next time.
            with suppress(OSError, StoreError):
                held = _read(self.path)
                if held is not None and held.token != self._claim.token:
                    self._taken_by = held
                    return
                renewals += 1
                self._write(_Claim(**asdict(self._claim) | {"renewals": renewals}))

    def _write(self, claim: _Claim) -> None:
        self.path.write_bytes(json.dumps(asdict(claim)).encode())

    def _refusal(self, claim: _Claim) -> StoreError:
        return StoreError(
            f"{self.path.parent} is being written by pid {claim.pid} on host {claim.host}; "
            "wait for it to end or stop it, then run the same command again"
        )


def lease_holder(path: RemotePath) -> Holder | None:
    """Return who holds the lease at `path`, or held it when it was killed; None if nobody."""
    claim = _read(path)
    return None if claim is None or _has_died(claim) else Holder(claim.pid, claim.host)


def _read(path: RemotePath) -> _Claim | None:
    try:
        return _Claim(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path}: must be a lease of sweep; remove it") from error


def _has_died(claim: _Claim) -> bool:
    """Return whether the holder was a process of this machine that has gone."""
    if claim.machine != _machine():
        return False
    try:
        os.kill(claim.pid, 0)
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
