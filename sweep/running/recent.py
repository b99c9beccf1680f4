"""The latest and the best trials of a run and its errors, for who watches without its table."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from sweep.running.messages import Rows
from sweep.store.places.layout import TableName
from sweep.store.tables.encoding import decode
from sweep.trial import Status

MOST_TRIALS = 8
MOST_KINDS = 5
MOST_TRACEBACK = 4_000
"""Characters of a traceback, the last."""


@dataclass(frozen=True)
class EndedTrial:
    """A trial that has ended in this run."""

    trial_id: str
    status: str
    epochs: int
    loss: float | None


@dataclass
class ErrorKind:
    """Trials that failed by the same error, with the traceback of the first."""

    error: str
    trial_id: str
    traceback: str
    trials: int = 0


@dataclass
class RecentTrials:
    """Keeps a few of the trials of a run, the latest and the best, and its errors.

    Attributes:
        latest: the last ones first. best: those of least loss. errors: by their text.
    """

    latest: deque[EndedTrial] = field(default_factory=lambda: deque(maxlen=MOST_TRIALS))
    best: list[EndedTrial] = field(default_factory=list)
    errors: dict[str, ErrorKind] = field(default_factory=dict)

    def hear(self, rows: Rows) -> None:
        """Take note of results."""
        given = zip(rows.statuses, rows.epochs, rows.losses, strict=True)
        ended = [EndedTrial(name, status, epochs, loss) for (name, status), epochs, loss in given]
        self.latest.extendleft(ended[-MOST_TRIALS:])
        self.best = _least([*self.best, *ended])
        if any(trial.status == Status.FAILED for trial in ended):
            self._count_errors(rows.data)

    def _count_errors(self, data: bytes) -> None:
        trials = decode(data, wanted=(TableName.TRIALS,)).trials
        columns = ["trial_id", "status", "error", "traceback"]
        for row in trials.select(columns).to_pylist():
            if row["status"] == Status.FAILED:
                self._count_error(row)

    def _count_error(self, row: dict[str, Any]) -> None:
        error = row["error"] or "unknown"
        if error not in self.errors and len(self.errors) >= MOST_KINDS:
            return
        traceback = (row["traceback"] or "")[-MOST_TRACEBACK:]
        kind = self.errors.setdefault(error, ErrorKind(error, row["trial_id"], traceback))
        kind.trials += 1


def _least(trials: Sequence[EndedTrial]) -> list[EndedTrial]:
    """Return the trials of least loss, of those that have one and finished."""
    held = {t.trial_id: t for t in trials if t.status == Status.FINISHED and _has_loss(t)}
    return sorted(held.values(), key=lambda trial: (trial.loss, trial.trial_id))[:MOST_TRIALS]


def _has_loss(trial: EndedTrial) -> bool:
    return trial.loss is not None and isfinite(trial.loss)
