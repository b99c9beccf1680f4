"""Keeps the sweep file and the environment of every run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sweep.config.overrides import apply_overrides
from sweep.config.yaml_source import parse_document
from sweep.errors import ConfigError, StoreError
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath, matches


@dataclass(frozen=True)
class RecordedRun:
    """What is recorded of a run.

    Attributes:
        config: the sweep file as text. overrides: the changes that the command line made to it.
        started: when, UTC.
        trials, done: how many it asked for, and how many of them were held then; None if unknown.
    """

    config: str
    overrides: tuple[str, ...]
    started: datetime
    trials: int | None = None
    done: int | None = None


def record_run(directory: ResultsDir, config: str, environment: Mapping[str, object]) -> AnyPath:
    """Keep the sweep file as it is now, and what the run was started with.

    Args:
        directory: the results of the sweep.
        config: text of the sweep file; replaces the one kept before.
        environment: what to know of the run (overrides, versions, host), as JSON would have it.

    Returns:
        The file of this run, named after the moment in UTC.
    """
    moment = datetime.now(UTC)
    record = {"started": moment.isoformat(), "config": config, **environment}
    path = directory.runs / f"{moment:%Y%m%dT%H%M%S.%f}Z.json"
    write_atomically(directory.config, config.encode())
    write_atomically(path, (json.dumps(record, indent=2, default=str) + "\n").encode())
    return path


def read_runs(directory: ResultsDir) -> list[RecordedRun]:
    """Return the recorded runs, the oldest first.

    Raises:
        StoreError: if a record is damaged.
    """
    return [read_run(path) for path in run_files(directory)]


def asked_runs(directory: ResultsDir) -> list[RecordedRun]:
    """Return the runs that say what is asked for, the oldest first.

    Of each sweep, which its name tells apart, they are the runs of its file as it was last run, one
    for each set of overrides.

    Raises:
        StoreError: if a record is damaged.
    """
    runs = read_runs(directory)
    latest = {_sweep_of(run): run.config for run in runs}
    wanted = [run for run in runs if latest[_sweep_of(run)] == run.config]
    return list({(run.config, run.overrides): run for run in wanted}.values())


def _sweep_of(run: RecordedRun) -> str | None:
    """Return the name of a run's sweep; None if its file cannot be read."""
    try:
        document = parse_document(run.config, source="")
        tree = apply_overrides(document, run.overrides).tree
    except ConfigError:
        return None
    return str(tree["name"]) if isinstance(tree, dict) and "name" in tree else None


def latest_asked(directory: ResultsDir) -> tuple[str, tuple[str, ...]] | None:
    """Return the sweep file and overrides of the latest run; None without any that is whole."""
    files = run_files(directory)
    if not files:
        return None
    try:
        run = read_run(files[-1])
    except StoreError:
        return None
    return run.config, run.overrides


def run_files(directory: ResultsDir) -> list[AnyPath]:
    """Return the files of the recorded runs, the oldest first."""
    return matches(directory.runs, "*.json")


def read_run(path: AnyPath) -> RecordedRun:
    """Read the record of a run.

    Raises:
        StoreError: if it is not whole.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
        config, overrides = record["config"], record["overrides"]
        started = datetime.fromisoformat(record["started"]).astimezone(UTC)
        counts = [record.get(name) for name in ("trials", "done")]
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise _damage(path) from error
    texts = isinstance(overrides, list) and all(isinstance(t, str) for t in [config, *overrides])
    if not texts or not all(isinstance(count, int | None) for count in counts):
        raise _damage(path)
    return RecordedRun(config, tuple(overrides), started, *counts)


def _damage(path: AnyPath) -> StoreError:
    return StoreError(
        f"{path}: must be the record of a run; `sweep doctor --repair` sets it aside, "
        "and `sweep verify` then does not know the data of that run"
    )
