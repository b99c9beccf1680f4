"""Writes trials as runs of an MLflow experiment, in a database of one file."""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.exports.installed import require
from sweep.exports.records import RunRecord
from sweep.trial import Status

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

ENDED = {Status.FAILED: "FAILED", Status.CANCELLED: "KILLED", Status.PRUNED: "KILLED"}
METRICS_AT_ONCE = 1_000
LONGEST_VALUE = 5_000
"""Letters of a text; MLflow takes no more than some thousands."""


def write_mlflow(runs: Iterable[RunRecord], file: Path, experiment: str) -> int:
    """Write each trial as a run of an experiment; return how many.

    Args:
        runs: the trials.
        file: an SQLite database, which must not exist.
        experiment: its name.

    Raises:
        ConfigError: MLflow is not installed.
    """
    for package in ("mlflow", "sqlalchemy", "alembic"):
        require(package, "--to mlflow")
    count = 0
    with _quiet():
        from mlflow.tracking import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{file.absolute()}")
        place = client.create_experiment(experiment, artifact_location=str(file.absolute().parent))
        for run in runs:
            _write(client, place, run)
            count += 1
    return count


def _write(client: "MlflowClient", place: str, run: RunRecord) -> None:
    from mlflow.entities import Param, RunTag

    tags = {"sweep": run.sweep, "stop_reason": run.stop_reason, "error": run.error}
    made = client.create_run(place, start_time=_milliseconds(run.started), run_name=run.trial_id)
    key = made.info.run_id
    client.log_batch(
        key,
        params=[Param(n, str(v)[:LONGEST_VALUE]) for n, v in run.parameters.items()],
        tags=[RunTag(n, text[:LONGEST_VALUE]) for n, text in tags.items() if text],
    )
    metrics = list(_metrics(run))
    for start in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(key, metrics=metrics[start : start + METRICS_AT_ONCE])
    status = ENDED.get(Status(run.status), "FINISHED")
    client.set_terminated(key, status, end_time=_milliseconds(run.finished))


def _metrics(run: RunRecord) -> "Iterator[Metric]":
    from mlflow.entities import Metric

    when, last = _milliseconds(run.finished), int(run.metrics.get("epochs", 0))
    for name, value in run.metrics.items():
        yield Metric(name, value, when, last)
    for name, points in run.curves.items():
        for epoch, loss in points:
            yield Metric(name, loss, when, epoch)


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1_000)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep MLflow from telling of its tables, and from reporting over the network."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.tracking  # noqa: F401 - it sets up its loggers anew
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
