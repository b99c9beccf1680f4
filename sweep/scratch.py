"""Temporary folders of which none stays: what a killed process left, the next one removes.

And whether a folder that stays is safe to use.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def scratch_folder(prefix: str, within: Path | None = None) -> Iterator[Path]:
    """Give a folder until the end of the block, and remove those that killed processes left.

    Each is locked by its process. The lock is the operating system's, and goes with the process
    however that ends; so no folder in use is ever removed, on whichever machine.

    Args:
        prefix: what the names of these folders begin with.
        within: where they are; None for among the temporary files.
    """
    within = within or Path(tempfile.gettempdir())
    for left in within.glob(f"{prefix}*"):
        _remove_unless_locked(left)
    folder, lock = _make_locked(prefix, within)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _make_locked(prefix: str, within: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with suppress(OSError):  # without locks there nothing is removed either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)  # another process removed it before it was locked


def _remove_unless_locked(folder: Path) -> None:
    with suppress(OSError):  # another user's, in use, or gone
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(lock).st_uid == os.getuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def is_ours(directory: Path) -> bool:
    """Whether only this user can put files there for us to use."""
    status = directory.lstat()
    return status.st_uid == os.getuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
