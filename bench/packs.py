"""Measures what a pack costs beside its training: `python -m bench.packs`, under a minute.

A thousand packs of one tiny trial each go through Ray on two workers. Seconds count from the first
row to the last that was seen, so that no start is in them.
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.stopwatch import say
from sweep.api import run_sweep
from sweep.config import load_config
from sweep.running.coordinator import SweepProgress
from sweep.running.options import RunOptions

CONFIG = Path(__file__).parents[1] / "configs" / "many.yaml"
PACKS = 1_000
WORKERS = 2
ROLES = {"ray::Broker": "broker", "ray::Implicit": "workers", "ray::": "Ray"}


@dataclass(frozen=True, kw_only=True)
class PackCost:
    """Seconds a pack.

    Attributes:
        packs: counted. wall: by the clock, of `WORKERS` workers.
        driver, broker, workers, ray: processor seconds of the driver, in which Tune's loop runs
            too; of the broker; of the workers, training included; of Ray's own processes.
    """

    packs: int
    wall: float
    driver: float
    broker: float
    workers: float
    ray: float


class _Seen:
    """The moments at which rows were seen first and last."""

    def __init__(self) -> None:
        self._moments: list[tuple[int, float, Mapping[str, float]]] = []
        self._spent: dict[int, tuple[str, float]] = {}

    def __call__(self, progress: SweepProgress) -> None:
        if progress.done:
            self._spent |= _processor_seconds()
            spent: dict[str, float] = defaultdict(float)
            for role, seconds in self._spent.values():
                spent[role] += seconds
            self._moments[1:] = [(progress.done, time.perf_counter(), spent)]
            if len(self._moments) == 1:
                self._moments *= 2

    def cost(self) -> PackCost:
        (first, began, before), (last, ended, after) = self._moments
        packs = last - first
        spent = {role: (after[role] - before[role]) / packs for role in after}
        return PackCost(
            packs=packs,
            wall=(ended - began) / packs,
            driver=spent["driver"],
            broker=spent["broker"],
            workers=spent["workers"],
            ray=spent["Ray"],
        )


def _processor_seconds() -> dict[int, tuple[str, float]]:
    """Return role and processor seconds so far of this process and of each below it."""
    import psutil  # it comes with Ray

    spent = {os.getpid(): ("driver", time.process_time())}
    for process in psutil.Process().children(recursive=True):
        try:
            title, times = " ".join(process.cmdline()), process.cpu_times()
        except psutil.Error:
            continue
        role = next((role for start, role in ROLES.items() if title.startswith(start)), "Ray")
        spent[process.pid] = (role, times.user + times.system)
    return spent


def measure_packs(packs: int = PACKS) -> PackCost:
    """Train so many packs of one trial on Ray."""
    changes = (f"grid.replicates={packs}", "resources.lanes_per_pack=1", "convergence={epochs: 20}")
    config = load_config(CONFIG, (*changes, f"resources.workers={WORKERS}"))
    seen = _Seen()
    with tempfile.TemporaryDirectory() as folder:
        summary = run_sweep(config, RunOptions(output=folder), on_progress=seen)
    assert summary.trained == packs, summary
    return seen.cost()


def document(cost: PackCost) -> str:
    """Write all for people."""
    lines = opening("Packs,", describe_machine())
    lines += ["", f"{cost.packs:,} packs of one trial of configs/many.yaml, 20 epochs each, from"]
    lines += [f"the first row to the last, on {WORKERS} workers; ms a pack.", ""]
    lines += ["| what | ms a pack |", "| --- | --- |"]
    lines += [f"| {n} | {1e3 * v:.2f} |" for n, v in asdict(cost).items() if n != "packs"]
    return "\n".join(lines) + "\n"


@click.command()
@output_option("-packs.md and DATE-packs.json")
def main(output: Path) -> None:
    """Measure what a pack costs on this machine."""
    say(f"{PACKS:,} packs")
    cost = measure_packs()
    keep(output, "-packs", document(cost), asdict(cost))


if __name__ == "__main__":
    main()
