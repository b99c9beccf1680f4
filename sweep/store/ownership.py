"""Checks whose results a directory holds, before anything is written there."""

from sweep.errors import StoreError
from sweep.store.places.files import reporting
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import RemotePath
from sweep.store.tables.snapshot import read_rows

ENTRIES_NAMED = 3


def require_own(directory: ResultsDir, sweep: str, *, merge: bool) -> None:
    """Raise unless a sweep may write to a directory: its own, or an empty one.

    Raises:
        StoreError: it holds another sweep's results, or other files than results.
    """
    if directory.exists and merge:
        return
    held = _sweeps_in(directory) if directory.exists else []
    if not held:
        _require_empty(directory)
    elif sweep not in held:
        raise StoreError(
            f"{directory.path}: must hold results of sweep {sweep!r} (got those of "
            f"{', '.join(map(repr, held[:ENTRIES_NAMED]))}); give another --output, or --merge "
            "to add to them"
        )


def _sweeps_in(directory: ResultsDir) -> list[str]:
    rows = read_rows(directory.path, TableName.TRIALS, columns=["sweep"])
    return sorted(rows["sweep"].unique().to_pylist())


def _require_empty(directory: ResultsDir) -> None:
    path = directory.path
    if isinstance(path, RemotePath) or not path.is_dir():
        return
    with reporting(path, "read"):
        found = {entry.name for entry in path.iterdir() if entry.name[0] != "."}
    foreign = sorted(found - {entry.name for entry in directory.entries})
    if foreign:
        more = ", …" if len(foreign) > ENTRIES_NAMED else ""
        raise StoreError(
            f"{path}: must be empty or hold results of a sweep "
            f"(got {', '.join(foreign[:ENTRIES_NAMED])}{more}); give another --output"
        )
