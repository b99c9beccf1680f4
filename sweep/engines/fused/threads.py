"""Runs the parts of a call side by side: each a thread's lanes, or its share of one lane."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from sweep.engines.fused.teams import Team, yield_address
from sweep.kernel.records import Packed


@dataclass(frozen=True)
class Part:
    """What one thread does in a call: which lanes, in what memory, with whom."""

    records: tuple[Packed, ...]
    rows: Int64[np.ndarray, " rows"]
    team: Team


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def team_of(size: int) -> list[Team]:
    """Return the members of a new team."""
    arrivals, going, due = np.zeros((3, 1), np.int64)
    return [
        Team(rank, size, arrivals, np.zeros(1, np.int64), going, due, yield_address())
        for rank in range(size)
    ]


def run_parts(work: Callable[[Part], None], parts: Sequence[Part]) -> None:
    """Do every part, all at once: members of a team wait for each other."""
    if len(parts) == 1:
        work(parts[0])
        return
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(work, part) for part in parts]:
            done.result()
