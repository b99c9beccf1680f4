"""Reads the record that a run keeps of itself; whoever wrote it, only plain values come of it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sweep.live.views import ErrorView, TrialView, WorkerView
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import RemotePath

MOST_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """How far a run was when it said so last.

    Attributes:
        text: the same in a line. phase: what it does.
        at: when it said so, UTC. ended: when it was over; None before.
        done, total: trials of this run, ended and all. epochs, epochs_most: trained, and at most.
        active: lanes in training. seconds: since its start.
        epochs_per_second, seconds_left: as it measured and foresees, from and to.
    """

    text: str
    phase: str
    at: datetime | None
    ended: datetime | None
    done: int
    total: int
    epochs: float
    epochs_most: float
    active: int
    seconds: float
    epochs_per_second: float
    seconds_left: tuple[float, float] | None
    counts: Mapping[str, int]
    workers: tuple[WorkerView, ...]
    latest: tuple[TrialView, ...]
    best: tuple[TrialView, ...]
    errors: tuple[ErrorView, ...]


COUNTS = ("failed", "diverged", "cancelled", "pruned")


def read_record(directory: ResultsDir) -> RunRecord | None:
    """Return the record that lies with results; None where there is none, or none that is whole."""
    path = directory.progress
    try:
        if not isinstance(path, RemotePath):
            with path.open("rb") as file:
                return record_of(_parsed(file.read(MOST_BYTES)))
        return record_of(_parsed(path.read_bytes()))
    except FileNotFoundError:
        return None


def record_of(tree: Any) -> RunRecord | None:
    """Return what a record says; None where it is none."""
    if not isinstance(tree, dict) or not isinstance(tree.get("text"), str):
        return None
    counts = {name: _count(tree, name) for name in COUNTS}
    done = _count(tree, "done")
    counts["finished"] = max(0, done - sum(counts.values()))
    return RunRecord(
        text=tree["text"],
        phase=_text(tree, "phase"),
        at=_moment(tree, "at"),
        ended=_moment(tree, "ended"),
        done=done,
        total=_count(tree, "total"),
        epochs=_number(tree, "epochs"),
        epochs_most=_number(tree, "epochs_most"),
        active=_count(tree, "active"),
        seconds=_number(tree, "seconds"),
        epochs_per_second=_number(tree, "epochs_per_second"),
        seconds_left=_pair(tree.get("seconds_left")),
        counts=counts,
        workers=tuple(map(_worker, _items(tree, "workers"))),
        latest=tuple(map(_trial, _items(tree, "latest"))),
        best=tuple(map(_trial, _items(tree, "best"))),
        errors=tuple(map(_error, _items(tree, "errors"))),
    )


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _worker(item: Mapping[str, Any]) -> WorkerView:
    trials = _count(item, "trials")
    return WorkerView(
        number=_count(item, "number"),
        host=_text(item, "host"),
        pack=_text(item, "pack_id"),
        trials=trials,
        done=max(0, trials - _count(item, "owed")),
        active=_count(item, "active"),
        waiting=_count(item, "waiting"),
        attempt=_count(item, "attempt"),
        compiling=item.get("compiling") is True,
    )


def _trial(item: Mapping[str, Any]) -> TrialView:
    loss = item.get("loss")
    return TrialView(
        trial_id=_text(item, "trial_id"),
        status=_text(item, "status"),
        reason="",
        epochs=_count(item, "epochs"),
        loss=_plain(loss) if isinstance(loss, float | int) else None,
    )


def _error(item: Mapping[str, Any]) -> ErrorView:
    return ErrorView(
        error=_text(item, "error"),
        trial_id=_text(item, "trial_id"),
        traceback=_text(item, "traceback"),
        trials=_count(item, "trials"),
    )


def _items(tree: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    found = tree.get(name)
    yield from (item for item in found if isinstance(item, dict)) if isinstance(found, list) else ()


def _pair(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    return _plain(value[0]), _plain(value[1])


def _plain(value: Any) -> float:
    known = isinstance(value, float | int) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else 0.0


def _number(tree: Mapping[str, Any], name: str) -> float:
    return _plain(tree.get(name))


def _count(tree: Mapping[str, Any], name: str) -> int:
    return max(0, int(_number(tree, name)))


def _text(tree: Mapping[str, Any], name: str) -> str:
    value = tree.get(name)
    return value if isinstance(value, str) else ""


def _moment(tree: Mapping[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(_text(tree, name)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
