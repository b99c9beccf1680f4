"""Keeps the sweep file and the circumstances of every run. Knows nothing of results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sweep.store.files import write_atomically
from sweep.store.layout import ResultsDir
from sweep.store.remote import AnyPath, matches


@dataclass(frozen=True)
class Run:
    """The sweep file of a run as text, and the changes that the command line made to it."""

    config: str
    overrides: tuple[str, ...]


def record_run(directory: ResultsDir, config: str, circumstances: Mapping[str, object]) -> AnyPath:
    """Keep the sweep file as it is now, and what the run was started with.

    Args:
        directory: the results of the sweep.
        config: text of the sweep file; replaces the one kept before.
        circumstances: what to know of the run (overrides, versions, host), as JSON would have it.

    Returns:
        The file of this run, named after the moment in UTC.
    """
    moment = datetime.now(UTC)
    record = {"started": moment.isoformat(), "config": config, **circumstances}
    path = directory.runs / f"{moment:%Y%m%dT%H%M%S.%f}Z.json"
    write_atomically(directory.config, config.encode())
    write_atomically(path, (json.dumps(record, indent=2, default=str) + "\n").encode())
    return path


def read_runs(directory: ResultsDir) -> list[Run]:
    """Return the recorded runs, the oldest first."""
    records = [json.loads(path.read_text()) for path in matches(directory.runs, "*.json")]
    return [Run(record["config"], tuple(record["overrides"])) for record in records]
