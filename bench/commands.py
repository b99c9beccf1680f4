"""Whole commands, as a user types them.

Bounded in time: a command that takes too long or fails becomes a row that says so.
"""

import subprocess
from collections.abc import Callable

from bench.rivals import measure_rivals
from bench.stopwatch import say
from bench.table import Row, Unit
from bench.tables import planning, storing, waiting
from bench.trainings import many, memory, published_epochs, published_rule, two_workers

MEASUREMENTS: dict[str, Callable[[], list[Row]]] = {
    "waiting": waiting,
    "planning": planning,
    "storing": storing,
    "published": published_epochs,
    "zhang2017": published_rule,
    "many": many,
    "memory": memory,
    "workers": two_workers,
    "rivals": measure_rivals,
}


def measure(*names: str) -> list[Row]:
    """Make the measurements named, or all."""
    rows = []
    for name in names or MEASUREMENTS:
        say(f"commands.{name}")
        rows += _bounded(name)
    return rows


def _bounded(name: str) -> list[Row]:
    try:
        return MEASUREMENTS[name]()
    except subprocess.TimeoutExpired as error:
        ours = f"more than {error.timeout:.0f} s"
    except subprocess.CalledProcessError as error:
        ours = f"failed with exit code {error.returncode}"
    return [Row(work=name, ours=f"**{ours}**", figure=None, unit=Unit.SECONDS)]
