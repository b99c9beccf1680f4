"""Finds the sweeps in the places that a user names: folders, results, URIs."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweep.errors import StoreError
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath, RemotePath, path_of, without_query

HIDDEN = "._"


def key_of(directory: ResultsDir) -> str:
    """Return what a sweep is called in addresses: a digest of where its results lie."""
    place = directory.path
    where = str(place) if isinstance(place, RemotePath) else str(Path(place).absolute())
    return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def results_in(places: Sequence[AnyPath]) -> list[ResultsDir]:
    """Return every sweep in some places: results themselves, or folders of them.

    Raises:
        StoreError: object storage stays away.
    """
    found = [directory for place in places for directory in _results_at(place)]
    return list({key_of(directory): directory for directory in found}.values())


def paths_of(places: Sequence[str]) -> list[AnyPath]:
    """Return the paths of places, which need not be there yet.

    Raises:
        StoreError: naming the one that is a file, or a URI that cannot be reached or is none.
    """
    paths = [path_of(place) for place in places]
    for path in paths:
        if isinstance(path, Path) and path.exists() and not path.is_dir():
            raise StoreError(f"{path}: must be a folder of results (got a file)")
    return paths


def _results_at(path: AnyPath) -> Iterator[ResultsDir]:
    if ResultsDir(path).exists:
        yield ResultsDir(path)
        return
    if isinstance(path, Path) and not path.is_dir():
        return
    entries: list[AnyPath] = list(path.iterdir())
    for inner in sorted(entries, key=lambda entry: entry.name):
        if inner.name[:1] not in HIDDEN and _may_hold(inner) and ResultsDir(inner).exists:
            yield ResultsDir(inner)


def _may_hold(path: AnyPath) -> bool:
    return isinstance(path, RemotePath) or path.is_dir()


def place_of(directory: ResultsDir, places: Sequence[str]) -> str:
    """Return where results lie, with the query that the user gave with its URI."""
    shown = str(directory.path)
    if isinstance(directory.path, RemotePath):
        for place in places:
            if shown.startswith(without_query(place).rstrip("/")) and "?" in place:
                return f"{shown}?{place.partition('?')[2]}"
    return shown
