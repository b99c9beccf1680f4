"""Records how far a run is, for whoever watches it from outside: a small file, written anew.

It lies with the results and, where the run is a job of a cluster, beside the job's log.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.running.coordinator import Coordinator
from sweep.running.wording import Speed, describe_progress, seconds_left
from sweep.store.places.files import replace_file
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import RemotePath

FORMAT = 1
SECONDS_BETWEEN = 1.0
SECONDS_BETWEEN_OBJECTS = 10.0
JOB_FILE = "SWEEP_PROGRESS_FILE"
"""Variable that names the file of a job, which lies beside its log."""


class ProgressRecord:
    """The record of a run; a place that cannot be written is left, as training is worth more.

    Args:
        directory: the results. sweep: its name.
    """

    def __init__(self, directory: ResultsDir, sweep: str) -> None:
        self._place = directory.progress
        self._about = {
            "format": FORMAT,
            "sweep": sweep,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": datetime.now(UTC).isoformat(),
        }
        self._speed = Speed()
        self._due = self._object_due = 0.0
        self._phase: str | None = None
        self._sending: threading.Thread | None = None

    def update(self, coordinator: Coordinator) -> None:
        """Write the record anew, unless that was done within the last second."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + SECONDS_BETWEEN
        self._write(self._content(coordinator), now)

    def end(self, coordinator: Coordinator) -> None:
        """Write it a last time: the run is over."""
        over = {"ended": datetime.now(UTC).isoformat(), "workers": []}
        self._object_due = 0.0
        self._join()  # or what is under way would be the last
        self._write(self._content(coordinator) | over, time.monotonic())
        self._join()

    def _content(self, coordinator: Coordinator) -> dict[str, Any]:
        progress = coordinator.progress()
        rate = self._speed.update(progress.seconds, progress.epochs)
        left = progress.epochs_left
        recent = coordinator.recent
        return {
            **self._about,
            "at": datetime.now(UTC).isoformat(),
            "text": describe_progress(progress, rate),
            **asdict(progress),
            "epochs_per_second": rate,
            "seconds_left": seconds_left(left, rate) if left and rate else None,
            "workers": [
                asdict(worker) | {"owed": coordinator.owed(worker.pack_id or "")}
                for worker in coordinator.workers
            ],
            "latest": [asdict(trial) for trial in recent.latest],
            "best": [asdict(trial) for trial in recent.best],
            "errors": [asdict(kind) for kind in recent.errors.values()],
        }

    def _write(self, content: Mapping[str, Any], now: float) -> None:
        data = json.dumps(content, default=str).encode()
        _write_for_job(data)
        if isinstance(self._place, Path):
            with suppress(OSError):
                replace_file(self._place, data)
        elif now >= self._object_due:
            self._object_due = now + SECONDS_BETWEEN_OBJECTS
            self._send(self._place, data)

    def _join(self) -> None:
        """Wait for the object under way, as long as its requests may take."""
        if self._sending:
            self._sending.join()

    def _send(self, place: RemotePath, data: bytes) -> None:
        """Put the object while this thread goes on; a store that stays away is not waited for."""
        if self._sending is None or not self._sending.is_alive():
            self._sending = threading.Thread(target=_put, args=(place, data), daemon=True)
            self._sending.start()


def note_end(text: str, record: Mapping[str, Any]) -> None:
    """Add what came of this process to its record, where it is a job; elsewhere do nothing."""
    if file := _job_file():
        known: dict[str, Any] = {}
        with suppress(OSError, ValueError):  # it trained nothing
            known = json.loads(file.read_bytes())
        content = {**known, **record, "text": text}
        _write_for_job(json.dumps(content, default=str).encode())


def _job_file() -> Path | None:
    """Return the file of this job, which lies beside its log; None if this is no job."""
    name = os.environ.get(JOB_FILE)
    if not name:
        return None
    try:
        return Path("/proc/self/fd/1").readlink().parent / Path(name).name
    except OSError:
        return None


def _write_for_job(data: bytes) -> None:
    if file := _job_file():
        with suppress(OSError):
            replace_file(file, data)


def _put(place: RemotePath, data: bytes) -> None:
    with suppress(SweepError, OSError):
        place.write_bytes(data)
