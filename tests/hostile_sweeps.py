"""Sweeps that ask for too much; `python -m tests.hostile_sweeps` judges them all."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from sweep.config import parse_config
from sweep.errors import SweepError
from sweep.planning import make_plan
from tests.sweepfiles import small


def _range(count: int) -> dict[str, Any]:
    return {"linear": {"from": 1e-6, "to": 0.5, "count": count}}


SMALL_AXES = {
    "learning_rate": _range(5),
    "bias_constant": _range(5),
    "code_penalty": _range(5),
    "seed": list(range(5)),
    "activation": ["sigmoid", "tanh", "relu"],
    "initialiser": {"name": "uniform", "constant": _range(5), "jitter": _range(5)},
    "topology": [f"4-{width}-4" for width in range(1, 6)],
}
MANY_DATA = {"name": "uniform", "samples": 4, "features": 4}
DATA_AND_TOPOLOGIES = {
    "dataset": {**MANY_DATA, "seed": list(range(900))},
    "topology": [f"4-{width}-4" for width in range(1, 1_000)],
}
BETAS = {"name": "adam", "beta1": _range(10), "beta2": _range(10)}
THREE_CONDITIONS = [
    {"seed": i % 5, "learning_rate": f"> 0.{i}", "code_penalty": f"!= 0.{i}"}
    for i in range(1, 1_000)
]

REFUSED: dict[str, tuple[str, dict[str, Any] | str]] = {
    "two long axes": (
        "grid must hold at most 10,000,000 combinations (got 249,999,500,000; split the sweep)",
        small(grid={"learning_rate": _range(500_000), "weight_decay": _range(499_999)}),
    ),
    "ten axes": (
        "grid must hold at most 10,000,000 combinations (got 37,500,000; split the sweep)",
        small(grid={**SMALL_AXES, "weight_decay": _range(8), "optimizer": BETAS}),
    ),
    "long ranges in many places": (
        "must hold at most 1,000,000 values in its ranges, all together (got 200,000,000)",
        small(grid={"optimizer": [{"name": "adam", "beta1": _range(1_000_000)}] * 200}),
    ),
    "many entries of exclude": (
        "grid.exclude must hold at most 10,000 values",
        small(grid={"seed": [0, 1], "exclude": [{"seed": i} for i in range(20_000)]}),
    ),
    "entries of exclude for many trials": (
        "grid.exclude must hold at most 200 entries for 1,000,000 combinations (got 201)",
        small(grid={"replicates": 1_000_000, "exclude": [{"seed": f"< {i}"} for i in range(201)]}),
    ),
    "many misspelt words": (
        "grid.exclude[0].activation must be a value that some trial has",
        small(grid={"exclude": [{"activation": f"rleu{i}"} for i in range(9_000)]}),
    ),
    "many data sets": (
        "grid.dataset must be at most 1,000 data sets in all (got 50,000; split the sweep)",
        small(grid={"dataset": {**MANY_DATA, "seed": list(range(50_000))}}),
    ),
    "large data sets": (
        "dataset must generate at most 40,000,000 numbers in all (got 41,791,750; split the sweep)",
        small(dataset={"name": "one-hot", "size": list(range(1, 501))}),
    ),
    "data that meet topologies": (
        "meet in at most 100,000 ways (got 899,100; split the sweep)",
        small(grid=DATA_AND_TOPOLOGIES),
    ),
    "many grids": (
        "grid must hold at most 1,000 values",
        small(grid=[{"learning_rate": 0.1 + i} for i in range(20_000)]),
    ),
    "many wrong grids": (
        "grid[0].learning_rate must be > 0 (got -1)",
        small(grid=[{"learning_rate": -1}] * 1_000),
    ),
    "many wrong values": (
        "must have these mended first (got 19,900 more faults)",
        small(grid={"activation": [f"rleu{i}" for i in range(20_000)]}),
    ),
    "many values of text": (
        "must hold at most 200,000 values, aliases expanded",
        "a: [" + "1, " * 500_000 + "1]",
    ),
    "long text": (
        "must hold at most 4,000,000 bytes; data can have a file of their own",
        "a: " + "x" * 50_000_000,
    ),
    "deep text": ("must be nested at most 40 levels deep", "[" * 1_000_000),
}
PLANNED: dict[str, tuple[int, dict[str, Any]]] = {
    "many conditions": (
        46_875 // 5,  # of the learning rates, only the first is below all that are named
        small(grid={**SMALL_AXES, "topology": ["4-2-4"] * 3, "exclude": THREE_CONDITIONS}),
    ),
    "a thousand data sets": (
        2_000,
        small(
            grid={
                "dataset": {**MANY_DATA, "seed": list(range(1_000))},
                "topology": ["4-2-4", "4-3-4"],
            }
        ),
    ),
    "a thousand grids": (1_000, small(grid=[{"learning_rate": 0.1 + i} for i in range(1_000)])),
}


def _outcome(sweep: dict[str, Any] | str) -> str | int:
    """Return the faults of a sweep, or how many trials it has."""
    try:
        return make_plan(parse_config(sweep), workers=2).trials
    except SweepError as error:
        return str(error)


def peak_megabytes() -> float:
    """Return the most memory that this process had, without that of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the outcome of each, the longest that one took, and the most memory so far."""
    outcomes, seconds = {}, {}
    for name, (_, sweep) in (*REFUSED.items(), *PLANNED.items()):
        began = time.process_time()
        outcomes[name] = _outcome(sweep)
        seconds[name] = time.process_time() - began
    found = {"outcomes": outcomes, "seconds": seconds, "megabytes": peak_megabytes()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
