"""Acts out sweeps on clusters of up to 1,000 nodes: `python -m bench.simulation`, some minutes.

The plans are real, and so are what the driver's parts cost, which is measured first, and the epochs
that trials take, which are those of a kept table. Trains nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import pyarrow.dataset
from jaxtyping import Int64

from bench.costs import Measured, measure_costs, plan_of
from bench.events import Costs, Habits, Load, Outcome, act_out
from bench.machine import describe_machine
from bench.page import keep, opening, output_option
from bench.stopwatch import say
from sweep.planning import Plan
from sweep.planning.packs import plan_packs
from sweep.ray.staffing import Places
from sweep.running.messages import Kind
from sweep.running.work_queue import alternate
from sweep.running.worker_loop import PATIENCE

ROOT = Path(__file__).parents[1]
KEPT = ("zhang2017_readings", "encoder")
CORES = 16  # of a node
NODES = (1, 10, 100, 1000)
MOST = 10_000_000
DRIVER_BYTES = 400e6  # Python, PyTorch, Ray and Tune, before there is a plan
READ_BYTES = 5_000.0  # the table in pandas, a trial, at the end of `sweep run`: the bench's figure
START = 9.0  # seconds that Ray takes, and a worker until it asks for its first pack
WORKER_START = 4.0
TUNE = 0.031  # seconds of Tune's loop for a trial of its own: a worker, or a crew of them
TUNE_BUSY = 0.009  # of these at the driver's core


@dataclass(frozen=True)
class Problem:
    """What is trained: seconds a trial and epoch, and which kept table says for how many epochs.

    Where none does, each trial takes 600,000.
    """

    name: str
    kept: str
    epoch: float
    alone: float
    sizes: tuple[int, ...]


PROBLEMS = (
    Problem("16-8-4-8-16", "zhang2017_readings", 1e-6, 1.83e-6, (10_000, 1_000_000, MOST)),
    Problem("16-4-16, pattern reached", "encoder", 0.6e-6, 1.5e-6, (MOST,)),
    Problem("128-32-128", "zhang2017_readings", 91e-6, 91e-6, (10_000, 100_000)),
    Problem("ten minutes a trial", "", 1e-3, 1e-3, (10_000,)),
)
GOALS = {
    ("16-8-4-8-16", 1_000_000, 100): 45.0,
    ("16-8-4-8-16", MOST, 100): 300.0,
    ("ten minutes a trial", 10_000, 1_000): 600 / 0.9,
}
"""Seconds that a problem, so many trials, on so many nodes, may take."""


def costs_of(measured: Measured, problem: Problem) -> Costs:
    """Put together what was measured here, what the bench says and what Ray was seen to take."""
    shared = {name: getattr(measured, name) for name in Costs.__annotations__ if name in SHARED}
    return Costs(
        start=START,
        worker=WORKER_START,
        tune=TUNE,
        tune_busy=TUNE_BUSY,
        epoch=problem.epoch,
        alone=problem.alone,
        trial=3e-4,
        **shared,
    )


SHARED = {field for field in Measured.__annotations__ if not field.endswith("_bytes")}


def kept_epochs(name: str) -> Int64[np.ndarray, " trials"]:
    """Return the epochs of a kept table, in its order: neighbours are alike, as in packs."""
    if not name:
        return np.array([600_000])
    table = pyarrow.dataset.dataset(ROOT / "results" / "examples" / name / "trials")
    epochs: Int64[np.ndarray, " trials"] = table.to_table(columns=["epochs"])["epochs"].to_numpy()
    return epochs


def loads_of(plan: Plan, epochs: Int64[np.ndarray, " kept"], *, workers: int) -> list[Load]:
    """Return the packs that so many workers get, in order; `epochs` go round and round."""
    rows = np.arange(len(plan.grid))
    resources = plan.config.resources
    batches = alternate(plan_packs(plan.grid, rows, resources=resources, workers=workers))
    sizes = [len(batch.rows) for batch in batches]
    starts = np.cumsum([0, *sizes[:-1]])
    lasting = np.resize(epochs, len(rows))
    sums, longest = np.add.reduceat(lasting, starts), np.maximum.reduceat(lasting, starts)
    return [Load(*load) for load in zip(sizes, sums.tolist(), longest.tolist(), strict=True)]


@dataclass(frozen=True, kw_only=True)
class Acted:
    """A sweep acted out: what, on how many nodes, in how many packs.

    Attributes:
        crew: workers that are one trial of Tune.
        driver_bytes: the driver's memory while it trains. read_bytes: more for the report after.
        table_bytes: the table on disk, at the measured bytes a row.
    """

    problem: str
    trials: int
    nodes: int
    packs: int
    crew: int
    outcome: Outcome
    driver_bytes: float
    read_bytes: float
    table_bytes: float

    @property
    def limit(self) -> str:
        """What keeps it from being faster: what is busy nine tenths of the time, if anything is."""
        shares = {
            "driver": self.outcome.driver,
            "Tune": self.outcome.tune,
            "broker": self.outcome.broker,
            "workers": self.outcome.utilisation,
        }
        name = max(shares, key=lambda key: shares[key])
        return name if shares[name] >= SATURATED else f"start-up, tail ({name} {shares[name]:.0%})"


SATURATED = 0.8


def act(problem: Problem, measured: Measured, trials: int) -> Iterator[Acted]:
    """Act out a sweep of so many trials on every number of nodes."""
    plan, epochs = plan_of(trials), kept_epochs(problem.kept)
    for nodes in NODES:
        say(f"{problem.name}, {trials:,} trials, {nodes:,} nodes")
        loads = loads_of(plan, epochs, workers=nodes * CORES)
        costs = costs_of(measured, problem)
        crew = crew_of(nodes)
        habits = Habits(patience=PATIENCE, crew=crew)
        outcome = act_out(loads, workers=nodes * CORES, costs=costs, habits=habits)
        under_way = 2 * nodes * CORES * max(load.trials for load in loads)
        yield Acted(
            problem=problem.name,
            trials=trials,
            nodes=nodes,
            packs=len(loads),
            crew=crew,
            outcome=outcome,
            driver_bytes=DRIVER_BYTES
            + trials * (measured.plan_bytes + measured.matching_rulestes)
            + min(trials, under_way) * measured.open_bytes,
            read_bytes=trials * READ_BYTES,
            table_bytes=trials * measured.row_bytes,
        )


def crew_of(nodes: int) -> int:
    """Return how many workers are one trial of Tune on so many nodes."""
    cores = float(CORES)
    places = Places(ahead=nodes * CORES, nodes=((cores, 0.0),) * nodes)
    return places.crew(Kind(1.0, 0.0))


HEADINGS = (
    "trials",
    "nodes",
    "packs",
    "crew",
    "ideal",
    "makespan",
    "workers",
    "driver",
    "Tune",
    "broker",
    "waiting",
    "limit",
)


def table_of(acted: Sequence[Acted]) -> str:
    """Write sweeps of one problem as a Markdown table."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(_cells(each) for each in acted)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(each: Acted) -> list[str]:
    o = each.outcome
    waiting = o.waited / (o.workers * o.makespan)
    shares = (o.utilisation, o.driver, o.tune, o.broker, waiting)
    return [
        f"{each.trials:,}",
        f"{each.nodes:,}",
        f"{each.packs:,}",
        f"{each.crew}",
        f"{o.ideal:,.1f} s",
        f"{o.makespan:,.0f} s",
        *(f"{share:.0%}" for share in shares),
        each.limit,
    ]


def goals_of(acted: Sequence[Acted]) -> str:
    """Write what the goals are held to."""
    headings = ["what", "trials", "nodes", "workers a trial of Tune", "makespan", "goal", "met"]
    rows = [
        [
            *(e.problem, f"{e.trials:,}", f"{e.nodes:,}", f"{e.crew}"),
            *(f"{e.outcome.makespan:,.0f} s", f"{goal:,.0f} s", str(e.outcome.makespan <= goal)),
        ]
        for e in acted
        if (goal := GOALS.get((e.problem, e.trials, e.nodes)))
    ]
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def sizes_of(acted: Sequence[Acted]) -> str:
    """Write the driver's memory and the table's size for each number of trials."""
    largest = {each.trials: each for each in sorted(acted, key=lambda e: (e.trials, e.nodes))}
    headings = ["trials", "driver while training", "driver to print and report", "table on disk"]
    rows = [
        [f"{n:,}", *(f"{value / 1e9:.2f} GB" for value in values)]
        for n, e in largest.items()
        for values in [(e.driver_bytes, e.driver_bytes + e.read_bytes, e.table_bytes)]
    ]
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def document(measured: Measured, acted: Sequence[Acted]) -> str:
    """Write all for people."""
    lines = opening("Scale,", describe_machine())
    lines += ["", "## Measured", "", "Processor seconds, or bytes where the name says so.", ""]
    lines += [f"- {name}: {value:.3g}" for name, value in asdict(measured).items()]
    for problem in PROBLEMS:
        chosen = [each for each in acted if each.problem == problem.name]
        lines += ["", f"## {problem.name}", "", table_of(chosen)]
    lines += ["", "## Goals", "", goals_of(acted)]
    lines += ["", "## Sizes", "", "On 1,000 nodes; extrapolated from the bytes above.", ""]
    return "\n".join([*lines, sizes_of(acted)]) + "\n"


@click.command()
@output_option("-scale.md and DATE-scale.json")
def main(output: Path) -> None:
    """Measure the driver's parts, act out sweeps of up to ten million trials, write what came."""
    measured = measure_costs(MOST)
    acted = [each for p in PROBLEMS for size in p.sizes for each in act(p, measured, size)]
    values = {"measured": asdict(measured), "acted": [asdict(each) for each in acted]}
    keep(output, "-scale", document(measured, acted), values)


if __name__ == "__main__":
    main()
