"""Keeps the sweep file and the circumstances of every run. Knows nothing of results."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sweep.store.files import write_atomically
from sweep.store.layout import ResultsDir


def record_run(directory: ResultsDir, config: str, circumstances: Mapping[str, object]) -> Path:
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
