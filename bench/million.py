"""Runs a sweep of a million short trials for real: `python -m bench.million`, half an hour.

Says what the driver holds in memory in each phase, and checks that every trial is in the table
once. With `--no-ray` the driver trains, too: its memory is then that of a worker and a driver.
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.processes import BIN, ROOT
from bench.stopwatch import say
from sweep.config import load_config
from sweep.planning import make_plan
from sweep.planning.identities import identity_numbers
from sweep.store.tables.snapshot import iterate_trials

CONFIG = ROOT / "configs" / "many.yaml"
EPOCHS = 3
PHASES = {"plan": "trials to train", "train": "trained ", "print": "table: ", "report": "report: "}
"""What a run says at the end of each phase."""
SECONDS_BETWEEN_LOOKS = 0.05
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Phase:
    """What a phase of a run took the driver.

    Attributes:
        seconds: by the clock. processor: of its own process. peak_mb: most that it had resident.
    """

    name: str
    seconds: float
    processor: float
    peak_mb: float


def overrides_of(trials: int) -> tuple[str, ...]:
    """Return how `configs/many.yaml` becomes a sweep of so many short trials, hundreds of them."""
    return (
        f"grid.replicates={trials // 100}",
        "grid.learning_rate={log: {from: 1e-4, to: 1e-1, count: 10}}",
        "grid.initialiser={name: uniform, constant: {linear: {from: 0.1, to: 1, count: 10}}}",
        f"convergence={{epochs: {EPOCHS}}}",
        "record={curves: false, weights: false, state: none, ladder: false}",
    )


def run(trials: int, results: Path, words: Sequence[str] = ()) -> list[Phase]:
    """Run the sweep with `sweep run` and these words; return its phases."""
    command = [BIN / "sweep", "run", CONFIG, *overrides_of(trials), "--output", results, *words]
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(process, lines))
    reader.start()
    phases = []
    for name, said in PHASES.items():
        began, before, peak = time.perf_counter(), _processor_seconds(process.pid), 0.0
        while not any(said in line for line in lines) and process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        spent = _processor_seconds(process.pid) - before
        phases.append(Phase(name, time.perf_counter() - began, spent, peak))
        say(f"{phases[-1]}")
    code = process.wait()
    reader.join()
    if code:
        raise subprocess.CalledProcessError(code, process.args, "".join(lines))
    return phases


def check(trials: int, results: Path) -> None:
    """Fail unless every trial of the sweep is in its table, and once."""
    asked = make_plan(load_config(CONFIG, overrides_of(trials)), workers=1).grid.cells.trial_ids
    tables = iterate_trials(results, ["trial_id"])
    held = np.concatenate([identity_numbers(t["trial_id"].to_pylist()) for t in tables])
    assert len(asked) == trials, len(asked)
    assert np.array_equal(np.sort(held), np.sort(asked)), "every trial must be there once"


def document(trials: int, phases: Sequence[Phase], words: Sequence[str]) -> str:
    """Write all for people."""
    lines = opening(f"{trials:,} trials,", describe_machine())
    lines += ["", f"{trials:,} trials of {EPOCHS} epochs, 16-4-16, each in the table once;"]
    lines += [f"`sweep run {' '.join(words)}`.".replace(" `", "`"), ""]
    lines += ["| phase | seconds | driver's processor seconds | driver's memory, most, MB |"]
    lines += ["| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {p.name} | {p.seconds:.0f} | {p.processor:.0f} | {p.peak_mb:.0f} |" for p in phases
    ]
    return "\n".join(lines) + "\n"


def _read(process: "subprocess.Popen[str]", lines: list[str]) -> None:
    assert process.stdout is not None
    lines.extend(process.stdout)


def _resident(pid: int) -> float:
    """Return what a process has resident, in 10**6 bytes; 0 once it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _processor_seconds(pid: int) -> float:
    """Return the processor seconds of a process so far; 0 once it has gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / TICKS if len(words) > 12 else 0.0


@click.command()
@click.option("--trials", type=click.IntRange(min=100), default=1_000_000, show_default=True)
@click.option("--no-ray", is_flag=True, help="Train in the driver itself.")
@output_option("-million.md")
def main(trials: int, no_ray: bool, output: Path) -> None:
    """Train a million trials, print and report them; fail unless each is in the table once."""
    words = ["--no-ray"] if no_ray else []
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        phases = run(trials, results, words)
        check(trials, results)
    keep(output, "-million", document(trials, phases, words))


if __name__ == "__main__":
    main()
