"""Checks and submits sweep files, by the same commands as a person would, and stops what runs.

Each command is a process of its own that refuses to run anybody's code.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sweep.errors import SweepError
from sweep.live.views import SweepState, SweepView
from sweep.store.places.layout import ResultsDir
from sweep.store.places.lock import writer_of

MOST_BYTES = 4_000_000
MOST_LOG = 200_000
LAST_LINES = 12
CHECK_SECONDS = 120
NAME = "sweep.yaml"
FOLDER = ".submitted"
"""Where files submitted here are kept, with what their runs print: below the results."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, and the line of it; 0 where it is about the whole."""

    line: int
    text: str


@dataclass(frozen=True)
class Check:
    """What a sweep file comes to.

    Attributes:
        faults: all of them. warnings: what is probably a mistake.
        plan: in words; empty with faults. name: of the sweep.
    """

    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]
    plan: str = ""
    name: str = ""


def check(text: str, output: Path | None, *, estimate: bool = False) -> Check:
    """Check a sweep file as `sweep plan` does, with a short pilot if an estimate is wanted.

    Args:
        text: of the file.
        output: folder of results, in which what is done already is found; None for nowhere.
        estimate: whether to train a pilot of a few seconds.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-check-") as folder:
        file = Path(folder) / NAME
        file.write_text(text, "utf-8")
        words = ["plan", str(file), "--no-plugins"]
        named = _run([*words, "--json", "--output", f"{folder}/none"])
        faults = _faults(named.stderr, str(file)) if named.returncode else ()
        if named.returncode:
            return Check(faults or (Fault(0, named.stderr.strip() or "cannot be checked"),), ())
        name = json.loads(named.stdout)["name"]
        where = str(output / name) if output else f"{folder}/none"
        words += ["--output", where, *(["--estimate"] if estimate else [])]
        told = _run(words)
        if told.returncode:
            return Check((Fault(0, told.stderr.strip()),), ())
        warnings = re.findall(r"^warning: (.*)$", told.stderr, re.MULTILINE)
        return Check((), tuple(warnings), told.stdout.rstrip(), name)


class Runs:
    """The runs of sweeps that were submitted on this machine; they outlive this process.

    Args:
        folder: of results, below which theirs go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, text: str, name: str) -> ResultsDir:
        """Start a run of a sweep file; return its results.

        Raises:
            SweepError: another process writes these results, or is about to.
        """
        results = ResultsDir(self.folder / name)
        if self._is_alive(name) or writer_of(results.lock) is not None:
            raise SweepError(f"{results.path}: another run writes here already; stop it first")
        kept = self.folder / FOLDER
        kept.mkdir(parents=True, exist_ok=True)
        stem = f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        file = kept / f"{stem}.yaml"
        file.write_text(text, "utf-8")
        words = ["run", str(file), "--no-plugins", "--output", str(results.path)]
        with (kept / f"{stem}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                _command(words),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return results

    def log(self, name: str) -> str:
        """Return the end of what the latest run of a sweep has printed; empty if there was none."""
        logs = sorted((self.folder / FOLDER).glob(f"{name}-????????T*.log"))
        return logs[-1].read_bytes()[-MOST_LOG:].decode("utf-8", "replace") if logs else ""

    def explained(self, view: SweepView) -> SweepView:
        """Return a view with why nobody writes, if the sweep was submitted here."""
        if view.state is not SweepState.STOPPED or not (log := self.log(view.name)):
            return view
        state = SweepState.WAITING if self._is_alive(view.name) else view.state
        return replace(view, state=state, note="\n".join(log.splitlines()[-LAST_LINES:]))

    def _is_alive(self, name: str) -> bool:
        process = self._processes.get(name)
        return process is not None and process.poll() is None


def submit_to(address: str, text: str) -> str:
    """Submit a sweep file to a cluster; return the name of its job.

    Raises:
        SweepError: it is refused.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-submit-") as folder:
        file = Path(folder) / NAME
        file.write_text(text, "utf-8")
        done = _run(["submit", str(file), "--no-plugins", "--address", address])
    if done.returncode:
        raise SweepError(done.stderr.strip().replace(str(file), NAME))
    return done.stdout.strip()


def stop_here(directory: ResultsDir) -> None:
    """Stop the run that writes these results, as Ctrl-C would.

    Raises:
        SweepError: nobody writes, or it runs elsewhere.
    """
    holder = writer_of(directory.lock)
    if holder is None:
        raise SweepError(f"{directory.path}: nobody writes here")
    here = holder.host == socket.gethostname() and isinstance(directory.lock, Path)
    if not here or not _has_open(holder.pid, Path(str(directory.lock))):
        raise SweepError(
            f"{directory.path}: written by pid {holder.pid} on {holder.host}, which cannot be "
            "stopped from here"
        )
    os.kill(holder.pid, signal.SIGINT)


def _has_open(pid: int, path: Path) -> bool:
    """Return whether a process has a file open: what a lock says is what somebody wrote there."""
    try:
        wanted = path.stat()
        links = list(Path(f"/proc/{pid}/fd").iterdir())
        stats = [link.stat() for link in links if link.exists()]
    except OSError:
        return False
    return any((one.st_dev, one.st_ino) == (wanted.st_dev, wanted.st_ino) for one in stats)


def _faults(said: str, file: str) -> tuple[Fault, ...]:
    """Return the faults that a command has printed, a line each, without the name of the file."""
    faults = []
    for text in filter(None, map(str.strip, said.splitlines())):
        match = re.match(rf"{re.escape(file)}(?::(\d+))?: (.*)", text)
        faults.append(Fault(int(match[1] or 0), match[2]) if match else Fault(0, text))
    return tuple(faults)


def _run(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            _command(words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SweepError(f"took longer than {CHECK_SECONDS} s, and was given up") from error


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "sweep", *words]
