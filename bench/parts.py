"""The parts of the bench, each measured in a process of its own."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module

from bench.table import Row

PARTS = ("engine", "minibatch", "own_network", "commands", "growth")


def measure_apart(part: str) -> list[Row]:
    """Measure a part, `minibatch.NAME` or `commands.NAME`, in a fresh process.

    What a part does to its process, such as keeping it to one core, ends with it.
    """
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as pool:
        return pool.submit(_measure, part).result()


def _measure(part: str) -> list[Row]:
    module, _, name = part.partition(".")
    measure: Callable[..., list[Row]] = import_module(f"bench.{module}").measure
    return measure(name) if name else measure()
