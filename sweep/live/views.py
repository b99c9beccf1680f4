"""What is shown of a sweep under way, in a page or a terminal: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SweepState(StrEnum):
    """What a sweep is doing."""

    WAITING = "waiting"  # its job has not begun
    RUNNING = "running"
    COMPLETE = "complete"  # all that was asked for is there
    ENDED = "ended"  # nobody writes, and what was asked for is not recorded
    STOPPED = "stopped"  # nobody writes, and some of it is missing
    FAILED = "failed"  # its job ended so


@dataclass(frozen=True)
class TrialView:
    """A trial that has ended.

    Attributes:
        loss: on held-out samples where there are any. held_out: whether it is.
        settings: the values of what varies, in the order of the sweep's `varying`.
        curve: epochs and losses, a few of them.
        finished: when, UTC.
    """

    trial_id: str
    status: str
    reason: str
    epochs: int
    loss: float | None
    held_out: bool = False
    settings: tuple[str, ...] = ()
    curve: tuple[tuple[float, float], ...] = ()
    finished: datetime | None = None


@dataclass(frozen=True)
class WorkerView:
    """A worker and its pack; `done` and `trials` of the pack, `pack` empty where it has none."""

    number: int
    host: str
    pack: str
    trials: int
    done: int
    active: int
    waiting: int
    attempt: int
    compiling: bool


@dataclass(frozen=True)
class ErrorView:
    """Trials that failed by errors alike, with the traceback of the first."""

    error: str
    trial_id: str
    traceback: str
    trials: int


@dataclass(frozen=True, kw_only=True)
class SweepView:
    """A sweep as it is at the moment.

    Attributes:
        name: of the sweep. place: of its results. job: of a cluster, that trains it.
        state: what it is doing. phase: of the run under way.
        counts: trials by how they ended. reasons: the same by why they stopped.
        held: trials in the table. done, total: of those that the latest run asks for.
        epochs_per_second, trials_per_second, seconds_left, seconds, active: of the run under way.
        varying: names of what varies. mixed: what of it puts losses on several scales.
        latest, best: trials, the last ones and those of least loss first.
        errors: of trials that failed, the first first; n_errors: kinds of them.
        workers: of the run under way. writer: who writes.
        last: when the latest trial ended. note: what to know besides, such as a job's message.
    """

    name: str
    place: str
    state: SweepState
    job: str = ""
    phase: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    held: int = 0
    done: int | None = None
    total: int | None = None
    epochs: float = 0.0
    epochs_per_second: float = 0.0
    trials_per_second: float = 0.0
    seconds_left: tuple[float, float] | None = None
    seconds: float = 0.0
    active: int = 0
    varying: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    latest: tuple[TrialView, ...] = ()
    best: tuple[TrialView, ...] = ()
    errors: tuple[ErrorView, ...] = ()
    n_errors: int = 0
    workers: tuple[WorkerView, ...] = ()
    writer: str = ""
    last: datetime | None = None
    note: str = ""
