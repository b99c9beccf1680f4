"""Finds the results that a user means."""

from pathlib import Path

from sweep.errors import ConfigError, StoreError, nearest
from sweep.store.places.layout import ResultsDir, required_results
from sweep.store.places.remote import is_uri

RESULTS = Path("results")


def find_results(given: str) -> ResultsDir:
    """Return the results meant by a directory, its URI, the name of a sweep, or a sweep file.

    Raises:
        StoreError: if there are none there.
    """
    if is_uri(given):
        return required_results(given)
    path = Path(given)
    if path.is_file():
        path = RESULTS / _name_in(path)
    candidates = [ResultsDir(path), ResultsDir(RESULTS / given)]
    for candidate in candidates:
        if candidate.exists:
            return candidate
    known = [place.path.name for place in all_results()]
    hint = nearest(path.name, known) or "`sweep run` makes them"
    raise StoreError(f"{path}: must hold results of a sweep (got none; {hint})")


def all_results() -> list[ResultsDir]:
    """Return the results of every sweep under `results/`."""
    folders = sorted(RESULTS.iterdir()) if RESULTS.is_dir() else []
    places = [ResultsDir(folder) for folder in folders]
    return [place for place in places if place.exists]


def _name_in(config: Path) -> str:
    """Read the name of a sweep from its file, which need not be valid otherwise."""
    from sweep.config.yaml_source import parse_document, read_text

    try:
        tree = parse_document(read_text(config), source=str(config)).tree
    except ConfigError as error:
        raise StoreError(f"{config}: must be a sweep file or a results directory") from error
    name = tree.get("name", "unnamed") if isinstance(tree, dict) else None
    if not isinstance(name, str):
        raise StoreError(f"{config}: must be a sweep file with a name, or a results directory")
    return name
