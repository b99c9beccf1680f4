"""Keeps which points a search asked for, in order: what its report is written from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sweep.errors import StoreError
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.places.remote import AnyPath, matches
from sweep.store.tables.snapshot import read_rows


@dataclass(frozen=True)
class RecordedSearch:
    """A search as it was last run.

    Attributes:
        sweep: name of the sweep. proposer: what proposed its points.
        columns, directions: what they are judged by: a column each, minimise or maximise.
        over: of the seeds of a point: median, mean, or a quantile from 0 to 1.
        points: the identities of the trials of each point, in the order of the proposals.
    """

    sweep: str
    proposer: str
    columns: tuple[str, ...]
    directions: tuple[str, ...]
    over: str | float
    points: Sequence[Sequence[str]]


def record_search(directory: ResultsDir, search: RecordedSearch) -> None:
    """Keep what a search asked for, in place of what it had asked for before."""
    path = directory.searches / f"{search.sweep}.json"
    write_atomically(path, (json.dumps(asdict(search)) + "\n").encode())


def read_searches(directory: ResultsDir) -> list[RecordedSearch]:
    """Return the searches of a results directory, by name.

    Raises:
        StoreError: if a record is damaged.
    """
    return [_read(path) for path in matches(directory.searches, "*.json")]


def asked_trials(directory: ResultsDir, name: str) -> dict[str, str]:
    """Return the trials in the table that a search asked for: the path of each by its identity.

    Raises:
        StoreError: if no search of this name is recorded.
    """
    found = [search for search in read_searches(directory) if search.sweep == name]
    if not found:
        raise StoreError(
            f"{directory.searches}: must hold the points of {name} (got none); run it again"
        )
    asked = {trial_id for point in found[0].points for trial_id in point}
    table = read_rows(directory.path, TableName.TRIALS, columns=["trial_id", "path_id"])
    rows = zip(table["trial_id"].to_pylist(), table["path_id"].to_pylist(), strict=True)
    return {trial_id: path_id for trial_id, path_id in rows if trial_id in asked}


def _check(columns: Sequence[str], directions: Sequence[str], over: object) -> None:
    """Raise ValueError if no search can be judged so."""
    from sweep.config.search import Objective, Quantile

    for column, direction in zip(columns, directions, strict=True):
        Objective.model_validate({"column": column, "direction": direction})
    if over not in ("median", "mean"):
        Quantile.model_validate({"quantile": over})


def _read(path: AnyPath) -> RecordedSearch:
    try:
        record = json.loads(path.read_text("utf-8"))
        points = [tuple(map(str, names)) for names in record.pop("points")]
        columns, directions = (tuple(record.pop(n)) for n in ("columns", "directions"))
        _check(columns, directions, record["over"])
        return RecordedSearch(**record, columns=columns, directions=directions, points=points)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{path}: must be the record of a search; remove it, and run the search again"
        ) from error
