"""Searches for minutes beside a plain loop under Optuna: `python -m bench.search_rivals`.

Each has a core of its own, at the same time: `sweep run --no-ray` on one, on the other a script as
many would write it, one trial after another by TPE. First sweep searches by TPE too, then by Sobol
points, of which it takes twice as many whenever it has trained those it was asked for.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from bench.machine import describe_machine
from bench.page import today
from bench.processes import BIN, ROOT
from bench.search import DIGITS, KEPT
from bench.search_space import searching
from bench.stopwatch import say
from sweep.store.tables.reader import read_trials

RIVALS = "search_rivals.json"
MARKS = (0.1, 0.2, 0.5, 1.0)
"""Shares of the time after which the best so far is told."""
FEWEST, MOST = 512, 1_000_000
"""Sobol points asked for first, and at most."""
TPE_POINTS = 20_000
"""More than TPE can propose in the time."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
Ends = Sequence[tuple[float, float]]
"""Seconds from the start to the end of each trial, and its held-out loss."""


@dataclass(frozen=True)
class Contest:
    """What came of one of two that ran side by side.

    Attributes:
        name: of it. beside: of the other.
        trials: that ended in time. a_minute: how many of them.
        best: the least held-out loss after each of `MARKS`; None while there was none.
    """

    name: str
    beside: str
    trials: int
    a_minute: float
    best: list[float | None]


def contest_of(name: str, beside: str, ends: Ends, seconds: float) -> Contest:
    """Sum up the trials that ended within so many seconds."""
    in_time = [(ended, loss) for ended, loss in ends if ended <= seconds]
    marks = [
        min((round(v, DIGITS) for ended, v in in_time if ended <= mark * seconds), default=None)
        for mark in MARKS
    ]
    a_minute = round(60 * len(in_time) / seconds, 1)
    return Contest(name, beside, len(in_time), a_minute, marks)


def side_by_side(ours: str, seconds: float, folder: Path) -> list[Contest]:
    """Run sweep by Sobol points or TPE on one core, and the plain loop on another."""
    cores = sorted(os.sched_getaffinity(0))
    assert len(cores) > 1, "two cores are needed"
    began = time.time()
    lines = folder / "lines"
    with lines.open("w") as file:
        loop = _start(cores[0], sys.executable, *_loop_words(seconds), stdout=file)
        try:
            _search(ours, cores[1], began + seconds, folder)
        finally:
            loop.terminate()
            loop.wait()
    theirs = [tuple(map(float, line.split())) for line in lines.read_text().splitlines()]
    trials = read_trials(folder / "results")
    trials = trials[trials["status"] == "finished"]
    ended = trials["finished"].map(lambda at: at.timestamp()).to_numpy() - began
    own = zip(ended.tolist(), trials["validation_loss"].astype(np.float64).tolist(), strict=True)
    named = {f"sweep, {ours}": list(own), "Optuna, plain loop": [(t - began, v) for t, v in theirs]}
    first, second = named
    return [
        contest_of(first, second, named[first], seconds),
        contest_of(second, first, named[second], seconds),
    ]


def _loop_words(seconds: float) -> list[str]:
    return ["-m", "bench.contenders.optuna_loop", "--seconds", str(seconds)]


def _search(ours: str, core: int, until: float, folder: Path) -> None:
    """Run `sweep run` until a time; a search by Sobol points again, of twice as many."""
    asked: dict[str, Any] = {"name": "sobol"} if ours == "sobol" else {"optuna": ours}
    points = FEWEST if ours == "sobol" else TPE_POINTS
    config = folder / "searched.yaml"
    config.write_text(json.dumps(searching(asked | {"budget": points})))
    while time.time() < until and points <= MOST:
        words = (BIN / "sweep", "run", config, f"search.budget={points}", "--no-ray", "--quiet")
        run = _start(core, *words, "--output", folder / "results", stdout=subprocess.DEVNULL)
        _wait(run, until)
        points *= 2


def _wait(run: subprocess.Popen[bytes], until: float) -> None:
    """Wait for the end of a run, or interrupt it once its time is over."""
    try:
        code = run.wait(max(0.0, until - time.time()))
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)
        run.wait()
        return
    if code:
        raise subprocess.CalledProcessError(code, run.args)


def _start(core: int, *words: str | Path, stdout: Any) -> subprocess.Popen[bytes]:
    """Start a command on one core, of one thread."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        command = list(map(str, words))
        return subprocess.Popen(command, cwd=ROOT, stdout=stdout, env=_environment())
    finally:
        os.sched_setaffinity(0, mine)


def _environment() -> Mapping[str, str]:
    return {**os.environ, **ONE_THREAD, "PYTHONUNBUFFERED": "1"}


@click.command()
@click.option("--minutes", type=float, default=10.0, show_default=True, help="Of each of the two.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=KEPT / RIVALS,
    help="What the page reads.",
)
def main(minutes: float, output: Path) -> None:
    """Search by TPE and by Sobol points, each beside Optuna and a plain loop."""
    machine, found = describe_machine(), []
    for ours in ("tpe", "sobol"):
        with tempfile.TemporaryDirectory() as folder:
            found += side_by_side(ours, 60 * minutes, Path(folder))
        for contest in found[-2:]:
            say(f"{contest}")
    values = {"date": today(), "minutes": minutes, "marks": MARKS, "machine": machine}
    text = json.dumps(values | {"contests": [asdict(contest) for contest in found]}, indent=1)
    output.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
