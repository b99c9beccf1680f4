"""Finds the files of data sets."""

import contextlib
import platform
from pathlib import Path

from sweep.datasets.arrays import DatasetError


def locate(path: str) -> Path:
    """Return the absolute path, as seen from the working directory; ~ is the home directory."""
    with contextlib.suppress(RuntimeError):  # no such home directory
        return Path(path).expanduser().absolute()
    return Path(path).absolute()


def find_file(path: str, hint: str) -> Path:
    """Return where the file or directory is.

    Args:
        path: absolute, or as seen from the working directory.
        hint: what to put there, where it is missing.

    Raises:
        DatasetError: nothing is there; says on which machine.
    """
    place = locate(path)
    try:
        place.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        got = f"{place} on {platform.node()} gives {str(reason)!r}"
        raise DatasetError(f"find its path: {got}; {hint}") from error
    return place
