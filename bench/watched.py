"""Measures what watching takes from training: `python -m bench.watched`.

Runs alternate: alone, and with a server and a browser that shows the sweep beside them. Compared
is the processor time of the driver and its workers; of the watched runs it is also said how long
after a trial is durable the page shows it.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread
from uuid import uuid4

import click
import yaml

from sweep.live.places import key_of
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.following import Follower
from tests.browser import visiting

MARK = "SWEEP_BENCH_MARK"
"""Variable by which the processes of a run are told from all others, Ray's workers included."""

SECONDS_BETWEEN_COUNTS = 0.1
COUNT = "document.querySelector('#head .facts dd')?.textContent ?? '0'"


def sweep_file(folder: Path, trials: int, epochs: int, workers: int) -> Path:
    """Write a sweep whose trials end one after another."""
    tree = {
        "name": "watched",
        "dataset": "one-hot",
        "fixed": {
            "topology": "8-3-8",
            "activation": "sigmoid",
            "output_activation": "sigmoid",
            "initialiser": {"name": "uniform", "constant": 1},
            "loss": "mean_squared_error",
            "optimizer": "sgd",
        },
        "grid": {"learning_rate": [0.1, 0.2, 0.5, 1.0], "seed": list(range(trials // 4))},
        "convergence": {"max_epochs": epochs},
        "resources": {"engine": "fused", "lanes_per_pack": 4, "workers": workers},
    }
    file = folder / "watched.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


class Clock:
    """The processor time of every process that has a mark in its environment."""

    def __init__(self, mark: str) -> None:
        self._mark = f"{MARK}={mark}".encode()
        self._seconds: dict[int, float] = {}
        self._strangers: set[int] = set()
        self._over = Event()
        self._thread = Thread(target=self._count)

    def __enter__(self) -> "Clock":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        return sum(self._seconds.values())

    def _count(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_COUNTS):
            for folder in Path("/proc").glob("[0-9]*"):
                number = int(folder.name)
                if number not in self._strangers:
                    self._note(number, folder)

    def _note(self, number: int, folder: Path) -> None:
        try:
            if number not in self._seconds and not self._is_ours(number, folder):
                return
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            self._seconds[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it has ended
            return

    def _is_ours(self, number: int, folder: Path) -> bool:
        ours = self._mark in (folder / "environ").read_bytes().split(b"\0")
        if not ours:
            self._strangers.add(number)
        return ours


@contextmanager
def watching(folder: Path, delays: list[float]) -> Iterator[None]:
    """Hold a server and a browser that shows the sweep; note how late it shows trials."""
    words = [sys.executable, "-m", "sweep", "serve", "results", "--port", "0"]
    server = subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    url = server.stderr.readline().removeprefix("serving at ").strip()
    over = Event()
    looking = Thread(target=_look, args=(folder, url, over, delays))
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()
        server.send_signal(signal.SIGINT)
        server.wait()
        server.stderr.close()


def _look(folder: Path, url: str, over: Event, delays: list[float]) -> None:
    directory = ResultsDir(folder / "results" / "watched")
    follower, held, due = Follower(directory), 0, list[tuple[int, float]]()
    with visiting() as visit:
        while not directory.exists and not over.is_set():
            time.sleep(SECONDS_BETWEEN_COUNTS)
        visit.page.goto(f"{url}sweeps/{key_of(directory)}")
        while not over.is_set():
            new = sum(fresh.trials.num_rows for fresh in follower.look().fresh)
            if new:
                held += new
                due.append((held, time.monotonic()))
            shown = int(re.sub(r"\D.*", "", visit.page.evaluate(COUNT).replace(",", "")) or 0)
            delays += [time.monotonic() - came for count, came in due if count <= shown]
            due = [(count, came) for count, came in due if count > shown]
            visit.page.wait_for_timeout(1000 * SECONDS_BETWEEN_COUNTS)


def measure(file: Path, *, watched: bool, ray: bool) -> tuple[float, list[float]]:
    """Run a sweep; return the processor seconds of the run, and how late trials were shown."""
    delays: list[float] = []
    mark = uuid4().hex
    with tempfile.TemporaryDirectory(prefix="sweep-watched-") as place:
        folder = Path(place)
        (folder / "results").mkdir()
        words = [sys.executable, "-m", "sweep", "run", str(file), "--quiet", "--json"]
        words += [] if ray else ["--no-ray"]

        def train() -> float:
            with Clock(mark) as clock:
                environment = os.environ | {MARK: mark}
                quiet = subprocess.DEVNULL
                subprocess.run(words, cwd=folder, env=environment, stdout=quiet, check=True)
            return clock.seconds

        if not watched:
            return train(), delays
        with watching(folder, delays):
            return train(), delays


@click.command()
@click.option("--rounds", default=5, show_default=True, help="Pairs of runs.")
@click.option("--trials", default=400, show_default=True, help="Trials of a run.")
@click.option("--epochs", default=60_000, show_default=True, help="Epochs of a trial.")
@click.option("--workers", default=1, show_default=True, help="Workers, with --ray.")
@click.option("--ray", is_flag=True, help="Train on Ray rather than in one process.")
def main(rounds: int, trials: int, epochs: int, workers: int, ray: bool) -> None:
    """Compare runs that are watched with runs that are not."""
    ratios, late = list[float](), list[float]()
    with tempfile.TemporaryDirectory(prefix="sweep-watched-") as place:
        file = sweep_file(Path(place), trials, epochs, workers)
        measure(file, watched=False, ray=ray)  # compiles the kernel where that was not done
        for number in range(rounds):
            first = number % 2 == 0
            seconds = {}
            for watched in (first, not first):
                seconds[watched], delays = measure(file, watched=watched, ray=ray)
                late += delays
            ratios.append(seconds[True] / seconds[False])
            load = os.getloadavg()[0]
            click.echo(
                f"alone {seconds[False]:.2f} s, watched {seconds[True]:.2f} s of processor, "
                f"ratio {ratios[-1]:.3f}, load {load:.1f}"
            )
    click.echo(f"watched over alone, median of {rounds}: {median(ratios):.3f}")
    if late:
        click.echo(
            f"shown after {median(late):.2f} s (median of {len(late)}), {max(late):.2f} s at most"
        )


if __name__ == "__main__":
    main()
