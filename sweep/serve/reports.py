"""Keeps the pages of reports that the server shows, made anew when there is more to show."""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sweep.errors import SweepError
from sweep.live.views import SweepView
from sweep.store.places.layout import ResultsDir

SECONDS_KEPT = 30.0
"""How old a page of a sweep under way may be."""

BUILDS_APART = 9
"""A page is made anew at the earliest after so many times as it took."""


@dataclass
class _Report:
    """A page, being made or made: of what, when, how long that took, and why it failed."""

    file: Path
    tag: str = ""
    made: float = 0.0
    took: float = 0.0
    error: str = ""
    process: "subprocess.Popen[str] | None" = None
    wanted: str = ""
    begun: float = 0.0


@dataclass
class Reports:
    """Makes one page at a time, in a process of its own, into a folder.

    Args:
        folder: where to keep them.
    """

    folder: Path
    _reports: dict[str, _Report] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self, key: str, place: str, view: SweepView) -> Path | None:
        """Return the page of a sweep; None while it is being made.

        Args:
            key: of the sweep.
            place: of its results, with credentials if the URI has any.
            view: what is there now.

        Raises:
            SweepError: it cannot be made.
        """
        tag = f"{view.counts} {view.last} {view.total} {view.state}"
        with self._lock:
            report = self._reports.setdefault(key, _Report(self.folder / f"{key}.html"))
            self._settle(report)
            if report.error and time.monotonic() - report.begun < SECONDS_KEPT:
                raise SweepError(report.error)
            if report.process is None and not self._is_current(report, tag):
                busy = any(other.process for other in self._reports.values())
                if not busy:
                    self._begin(report, place, tag)
                return None
            return None if report.process else report.file

    def close(self) -> None:
        """End what is being made."""
        for report in self._reports.values():
            if report.process:
                report.process.kill()
                report.process.communicate()

    def _is_current(self, report: _Report, tag: str) -> bool:
        age = time.monotonic() - report.made
        least = max(SECONDS_KEPT, BUILDS_APART * report.took)
        return bool(report.made) and (report.tag == tag or age < least)

    def _begin(self, report: _Report, place: str, tag: str) -> None:
        report.wanted, report.begun, report.error = tag, time.monotonic(), ""
        command = [sys.executable, "-P", "-m", "sweep.serve.building", str(report.file)]
        pipe = subprocess.PIPE
        report.process = subprocess.Popen(
            command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True
        )
        assert report.process.stdin is not None
        report.process.stdin.write(f"{place}\n")
        report.process.stdin.flush()

    def _settle(self, report: _Report) -> None:
        """Take note of a process that has ended."""
        for other in self._reports.values():
            if other.process and other.process.poll() is not None:
                _, said = other.process.communicate()
                code, other.process = other.process.returncode, None
                other.made = time.monotonic() if code == 0 else 0.0
                other.took = time.monotonic() - other.begun
                other.tag = other.wanted
                other.error = _why(said, code) if code else ""


def finished_report(directory: ResultsDir) -> Path | None:
    """Return the page among the results, if it was written after all that it is of."""
    path = directory.report / "report.html"
    if not isinstance(path, Path) or not path.is_file() or path.is_symlink():
        return None
    folders = [Path(str(folder)) for folder in (directory.runs, directory.trials)]
    sources = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    journal = Path(str(directory.journal))
    if journal.exists() and journal.stat().st_size:
        return None
    written = path.stat().st_mtime_ns
    return path if all(file.stat().st_mtime_ns <= written for file in sources) else None


def _why(said: str, code: int) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"the report could not be made (exit code {code})"
