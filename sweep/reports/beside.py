"""Writes a report in a process of its own, which imports what that takes while trials train.

python -P -m sweep.reports.beside RESULTS
"""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from select import select

from sweep.reports.findings.record import findings_beside
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath, path_of
from sweep.trust import Trust


def current_report(directory: ResultsDir) -> AnyPath | None:
    """Return the report if it was written after all that it is of; None if not, or not known."""
    path = directory.report / "report.md"
    if not isinstance(path, Path) or not path.exists() or not findings_beside(path).exists():
        return None
    if not path.with_suffix(".html").exists():
        return None
    written = path.stat().st_mtime_ns
    folders = [folder for folder in (directory.runs, directory.trials) if folder.is_dir()]
    sources = [file for folder in folders for file in Path(str(folder)).iterdir()]
    return path if all(file.stat().st_mtime_ns <= written for file in sources) else None


class ReportProcess:
    """A process that waits to be told to write the report of a sweep."""

    def __init__(self, directory: ResultsDir) -> None:
        """Start it; it ends by itself should this process be gone."""
        self._directory = directory
        command = [sys.executable, "-P", "-m", "sweep.reports.beside", str(directory.path)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(  # apart from the terminal, whose Ctrl-C is the run's
            command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        )

    def end(self) -> None:
        """End it, whether or not it has written."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def begin(self) -> None:
        """Have it begin to write, now that the results are complete.

        Code of users' own runs there if it has run here.
        """
        told = json.dumps(asdict(Trust.here()))
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: `written` writes here
            self._process.stdin.write(f"{told}\n")
            self._process.stdin.flush()

    def written(self) -> AnyPath:
        """Wait until it has written, and return the report; write it here if that cannot be."""
        with suppress(BrokenPipeError):
            written, _ = self._process.communicate()
            if self._process.returncode == 0:
                return path_of(written.rstrip("\n"))
        from sweep.reports.report import write_report

        return write_report(self._directory)


def _serve(directory: ResultsDir) -> None:
    from sweep.reports.report import write_report

    prepare()
    if not select([sys.stdin], [], [], 0)[0]:  # nobody waits
        import sklearn.ensemble  # noqa: F401 - what findings of some tables take
    if not (line := sys.stdin.readline()):
        return
    with Trust(**json.loads(line)).applied():
        sys.stdout.write(f"{write_report(directory)}\n")


def prepare() -> None:
    """Import what writing a report takes, also what matplotlib imports with a first figure."""
    from sweep.reports.figures.panels import make_panels, to_png
    from sweep.reports.sections.registry import all_sections

    all_sections()
    figure, (panel,) = make_panels(1, width=4, height=3)
    panel.boxplot([[1.0, 2.0]])
    to_png(figure)


if __name__ == "__main__":
    _serve(ResultsDir(path_of(sys.argv[1])))
