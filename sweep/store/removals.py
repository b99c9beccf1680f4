"""Keeps which trials are being removed, so that they are gone all at once. Knows nothing of parts.

From the moment the file is there, they no longer count; it goes once no part holds them any more.
"""

import json
from collections.abc import Collection

from sweep.errors import StoreError
from sweep.store.files import reporting, sync_directory, write_atomically
from sweep.store.layout import ResultsDir


def announce_removal(directory: ResultsDir, trial_ids: Collection[str]) -> None:
    """Make these trials no longer count."""
    write_atomically(directory.removals, json.dumps(sorted(trial_ids)).encode())


def read_removals(directory: ResultsDir) -> set[str]:
    """Return the trials that no longer count.

    Raises:
        StoreError: if the file is not whole.
    """
    path = directory.removals
    with reporting(path, "read"):
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return set()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        advice = "remove it, and run `sweep prune` again"
        raise StoreError(f"{path}: must be a list of the trials that are being removed; {advice}")
    return set(found)


def conclude_removal(directory: ResultsDir) -> None:
    """Forget them: no part holds them any more."""
    path = directory.removals
    with reporting(path, "removed"):
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
