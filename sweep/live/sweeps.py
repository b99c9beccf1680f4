"""A sweep seen through its results: the table, the record of its run, and who writes."""

import time
from dataclasses import dataclass, field
from typing import Any

from sweep.errors import StoreError
from sweep.live.record import RunRecord, read_record
from sweep.live.trials import TrialTally
from sweep.live.views import SweepState, SweepView
from sweep.store.places.layout import ResultsDir
from sweep.store.places.lease import Holder
from sweep.store.places.lock import writer_of
from sweep.store.places.remote import AnyPath, RemotePath
from sweep.store.runs import RecordedRun, read_run, run_files
from sweep.trial import Status

SECONDS_BETWEEN_LISTINGS = 10.0
"""How often a bucket is asked who writes and which runs there were."""


@dataclass
class WatchedSweep:
    """The sweep of a results directory, looked at again and again."""

    directory: ResultsDir
    _tally: TrialTally = field(init=False)
    _run: RecordedRun | None = None
    _run_file: AnyPath | None = None
    _writer: Holder | None = None
    _listed: float = 0.0

    def __post_init__(self) -> None:
        self._tally = TrialTally(self.directory)

    @property
    def name(self) -> str:
        return self.directory.path.name

    def look(self) -> SweepView:
        """Return the sweep as it is now.

        Raises:
            StoreError: a file is damaged, or object storage stays away.
        """
        self._look_around()
        record = read_record(self.directory) if self._writer else None
        tally = self._tally
        tally.update()
        done, total = self._share_of_run()
        return SweepView(
            name=self.name,
            place=str(self.directory.path),
            state=self._state(done, total),
            counts=_told(tally.statuses),
            reasons=_told(tally.reasons),
            held=tally.held,
            done=done,
            total=total,
            varying=tally.varying,
            mixed=tally.mixed,
            latest=tally.latest(),
            best=tally.best(),
            errors=tally.errors(),
            n_errors=tally.n_errors,
            writer=_named(self._writer),
            last=tally.last,
            **(progress_fields(record) if record and record.ended is None else {}),
        )

    def _look_around(self) -> None:
        """Find out who writes and what was asked for."""
        remote = isinstance(self.directory.path, RemotePath)
        now = time.monotonic()
        if remote and self._listed and now - self._listed < SECONDS_BETWEEN_LISTINGS:
            return
        self._listed = now
        self._writer = writer_of(self.directory.lock)
        files = run_files(self.directory)
        if files and files[-1] != self._run_file:
            self._run_file = files[-1]
            try:
                self._run = read_run(files[-1])
            except StoreError:  # `sweep doctor` says what is wrong with it
                self._run = None

    def _share_of_run(self) -> tuple[int | None, int | None]:
        """Return how many trials of the latest run are held, and how many it asked for."""
        run = self._run
        if run is None or run.trials is None or run.done is None:
            return None, None
        return min(run.done + self._tally.ended_since(run.started), run.trials), run.trials

    def _state(self, done: int | None, total: int | None) -> SweepState:
        """Return what the sweep is doing, as far as its latest run says what was asked for."""
        if self._writer is not None:
            return SweepState.RUNNING
        if done is not None and total is not None:
            return SweepState.COMPLETE if done >= total else SweepState.STOPPED
        cut_short = self._tally.statuses[Status.CANCELLED] > 0 or not self._tally.held
        return SweepState.STOPPED if cut_short else SweepState.ENDED


def progress_fields(record: RunRecord) -> dict[str, Any]:
    """Return what a view takes from the record of a run under way."""
    return {
        "phase": record.phase,
        "epochs": record.epochs,
        "epochs_per_second": record.epochs_per_second,
        "trials_per_second": record.done / record.seconds if record.seconds else 0.0,
        "seconds_left": record.seconds_left,
        "seconds": record.seconds,
        "active": record.active,
        "workers": record.workers,
    }


def _told(counts: dict[str, int]) -> dict[str, int]:
    """Return counts that are not 0, the most frequent first."""
    known = [(name, count) for name, count in counts.items() if count > 0]
    return dict(sorted(known, key=lambda item: (-item[1], item[0])))


def _named(holder: Holder | None) -> str:
    return f"pid {holder.pid} on {holder.host}" if holder else ""
