"""Writes files whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweep.errors import StoreError
from sweep.store.places.remote import AnyPath, RemotePath


@contextmanager
def reporting(path: AnyPath, action: str) -> Iterator[None]:
    """Turn an operating system's error on `path` into a `StoreError` that says what to do."""
    try:
        yield
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0)
        cause = f"{name}: {error.strerror}" if name else str(error)
        raise StoreError(f"{path}: cannot be {action} ({cause}){_advice(error)}") from error


def _advice(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "; free some space and run the same command again, what was stored before is whole"
    return ""


def write_atomically(path: AnyPath, data: bytes) -> None:
    """Write a file so that a crash or a full disk leaves the old one whole or the new one whole.

    The data go to a hidden file beside `path`, reach the disk, and only then take its name; in
    object storage one request does all that.

    Raises:
        StoreError: if the file cannot be written.
    """
    if isinstance(path, RemotePath):
        with reporting(path, "written"):
            path.write_bytes(data)
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with reporting(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one; a crash may lose both.

    It costs no wait for the disk: for news of which the next comes soon.

    Raises:
        OSError: if it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.write_bytes(data)
    beside.replace(path)


def sync_directory(directory: AnyPath) -> None:
    """Make the names in `directory` durable, where the system can."""
    if isinstance(directory, RemotePath):
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(directory: AnyPath) -> None:
    """Remove the hidden files that a killed process left half written."""
    for path in directory.glob(".*.tmp"):
        path.unlink(missing_ok=True)
