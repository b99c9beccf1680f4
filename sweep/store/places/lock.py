"""Lets one process at a time write a results directory.

The lock is the operating system's: it goes with its process, however that ends.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sweep.errors import StoreError
from sweep.store.places.files import reporting
from sweep.store.places.lease import Holder, Lease, lease_holder
from sweep.store.places.remote import AnyPath, RemotePath

ATTEMPTS = 5
PAUSE_SECONDS = 0.05


class Lock:
    """An exclusive hold on `path` from `acquire` to `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreError: if another process holds it, naming that process.
        """
        with reporting(self.path, "locked"):
            file = self.path.open("a+")
        # `writer_of` holds the lock for a moment too, so one refusal proves nothing.
        for _ in range(ATTEMPTS):
            if _try(file, fcntl.LOCK_EX):
                break
            time.sleep(PAUSE_SECONDS)
        else:
            file.close()
            raise StoreError(_refusal(self.path))
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        self._file = file

    def require(self) -> None:
        """Do nothing: nobody can take it."""

    def require_free(self) -> None:
        """Raise if another process holds the lock; nothing is written.

        Raises:
            StoreError: naming that process.
        """
        if writer_of(self.path) is not None:
            raise StoreError(_refusal(self.path))

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


def lock_at(path: AnyPath) -> Lock | Lease:
    """Return what there is at `path` to keep other writers out."""
    return Lease(path) if isinstance(path, RemotePath) else Lock(path)


@contextmanager
def holding(path: AnyPath) -> Iterator[Lock | Lease]:
    """Hold the lock at `path` until the end of the block.

    Raises:
        StoreError: if another process holds it, naming that process.
    """
    lock = lock_at(path)
    lock.acquire()
    try:
        yield lock
    finally:
        lock.release()


def writer_of(path: AnyPath) -> Holder | None:
    """Return who holds the lock at `path`, None if nobody does."""
    if isinstance(path, RemotePath):
        return lease_holder(path)
    try:
        file = path.open("r")
    except FileNotFoundError:
        return None
    with file:
        return None if _try(file, fcntl.LOCK_SH) else _holder(path)


def _try(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(path: Path) -> Holder:
    try:
        return Holder(**json.loads(path.read_text()))
    except (ValueError, TypeError):  # the holder is just writing its name
        return Holder(pid=0, host="unknown")


def _refusal(path: Path) -> str:
    holder = _holder(path)
    return (
        f"{path.parent} is being written by pid {holder.pid} on host {holder.host}; "
        "wait for it to end or stop it, then run the same command again"
    )
