"""The sweeps and jobs that the pages show, looked at when somebody asks, and not too often."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweep.errors import SweepError
from sweep.jobs.control import JobServer
from sweep.jobs.submit import NAME
from sweep.live.jobs import WatchedJob, view_of_job
from sweep.live.places import key_of, paths_of, results_in
from sweep.live.sweeps import WatchedSweep
from sweep.live.views import SweepView
from sweep.store.places.layout import ResultsDir

SECONDS_FRESH = 0.5
SECONDS_BETWEEN_LISTINGS = 2.0
SECONDS_TO_LOOK = 0.5
"""How long a list may take to look at sweeps that were not looked at yet; the others come later."""


@dataclass
class Watched:
    """A sweep or a job, and how it was when it was looked at last."""

    look: Callable[[], SweepView]
    view: SweepView | None = None
    error: str = ""
    _at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self) -> SweepView:
        """Return it as it is, or was half a second ago.

        Raises:
            SweepError: it cannot be read.
        """
        with self._lock:
            if self.view is None or time.monotonic() - self._at > SECONDS_FRESH:
                self.view = self.look()
                self._at = time.monotonic()
            return self.view

    def try_now(self) -> None:
        """Look at it; where that fails, keep why."""
        try:
            self.now()
            self.error = ""
        except SweepError as error:
            self.error = str(error)


class Catalogue:
    """Finds sweeps by their keys, and jobs by their names.

    Args:
        places: folders of results, results, or URIs.
        server: a cluster's job server; None without one.

    Raises:
        StoreError: a place is a file, or a URI that cannot be reached.
    """

    def __init__(self, places: Sequence[str], server: JobServer | None = None) -> None:
        self.places, self.server = tuple(places), server
        self._paths = paths_of(places)
        self._directories: dict[str, ResultsDir] = {}
        self._expected: dict[str, ResultsDir] = {}
        self._watched: dict[str, Watched] = {}
        self._listed = 0.0
        self._lock = threading.Lock()

    def directory(self, key: str) -> ResultsDir | None:
        """Return the results that a key names; None if no sweep here has it."""
        if key not in self._directories:
            self._list()
        return self._directories.get(key)

    def sweep(self, key: str) -> Watched | None:
        """Return the sweep of that key, if there is one."""
        directory = self.directory(key)
        if directory is None:
            return None
        with self._lock:
            return self._watched.setdefault(key, Watched(WatchedSweep(directory).look))

    def sweeps(self) -> dict[str, Watched]:
        """Return all sweeps by their keys, those that write first; some may have no view yet.

        Raises:
            StoreError: a place cannot be listed.
        """
        self._list()
        found = {key: self.sweep(key) for key in self._directories}
        known = {key: watched for key, watched in found.items() if watched}
        end = time.monotonic() + SECONDS_TO_LOOK
        for watched in sorted(known.values(), key=lambda item: item.view is None):
            if watched.view is not None or time.monotonic() < end:
                watched.try_now()
        return known

    def expect(self, directory: ResultsDir) -> None:
        """Know results that are about to be made."""
        with self._lock:
            self._expected[key_of(directory)] = directory
            self._directories[key_of(directory)] = directory

    def job(self, job_id: str) -> Watched | None:
        """Return the job of that name; None without a cluster, or where it can be no job's name."""
        if self.server is None or not NAME.fullmatch(job_id):
            return None
        with self._lock:
            look = WatchedJob(self.server, job_id).look
            return self._watched.setdefault(f"job {job_id}", Watched(look))

    def jobs(self) -> list[SweepView]:
        """Return the jobs of the cluster, the latest first.

        Raises:
            SweepError: it cannot be reached.
        """
        found = self.server.jobs() if self.server else []
        return [view_of_job(job, None, "") for job in reversed(found)]

    def _list(self) -> None:
        with self._lock:
            if self._listed and time.monotonic() - self._listed < SECONDS_BETWEEN_LISTINGS:
                return
            listed = {key_of(found): found for found in results_in(self._paths)}
            self._directories = self._expected | listed
            self._listed = time.monotonic()
