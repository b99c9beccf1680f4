"""Where compiled kernels lie that the users of a machine share, and whether they may be loaded.

Machine code is code of whoever wrote it: only root's and one's own is loaded. Nothing is written.
"""

import os
import stat
import sys
from functools import cache
from itertools import chain
from pathlib import Path


@cache
def shared_folders() -> tuple[Path, ...]:
    """Return the folders of `SWEEP_SHARED_CACHE_DIR` and that of this Python, where safe."""
    given = os.environ.get("SWEEP_SHARED_CACHE_DIR", "").split(os.pathsep)
    named = [*filter(None, given), str(Path(sys.prefix) / "share" / "sweep" / "kernels")]
    found = (Path(os.path.realpath(name)) for name in named)
    return tuple(folder for folder in found if folder.is_dir() and _is_reached_safely(folder))


def is_safe(place: Path) -> bool:
    """Return whether only root or this user can have put a folder there, and what is in it.

    False where there is no such folder. What it lies in is looked at up to its parent.
    """
    try:
        return place.is_dir() and all(
            map(_is_trusted, chain([place.parent, place], place.iterdir()))
        )
    except OSError:  # it may not be read, or goes meanwhile
        return False


def _is_reached_safely(folder: Path) -> bool:
    """Return whether nobody else can put another folder in the place of this one."""
    above = all(_is_trusted(parent, sticky=True) for parent in folder.parents)
    return above and _is_trusted(folder)


def _is_trusted(path: Path, *, sticky: bool = False) -> bool:
    """Return whether a file or folder, no link, is root's or one's own, and only they write to it.

    Args:
        path: the file or folder.
        sticky: whether others may write where nobody can rename what is not theirs, as in /tmp.
    """
    status = path.lstat()
    if status.st_uid not in (0, os.getuid()) or stat.S_ISLNK(status.st_mode):
        return False
    others = bool(status.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return not others or (sticky and bool(status.st_mode & stat.S_ISVTX))
