"""Times contenders in turn, on one core, in processor seconds."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from bench.contenders.contender import Contender

SECONDS = 0.4  # of one timing


def use_one_core() -> None:
    """Keep this process on one core, so that no contender uses more."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def epoch_seconds(
    contenders: Mapping[str, Contender],
    *,
    rounds: int,
    summary: Callable[[Sequence[float]], float] = median,
) -> dict[str, float]:
    """Return the processor seconds that an epoch takes each contender, summed up over `rounds`.

    They take turns within a round, so that a slow spell of the machine hits them all. What is
    compiled must have been before.
    """
    epochs = {name: _epochs_for(contender) for name, contender in contenders.items()}
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            taken[name].append(_seconds(contender, epochs[name]) / epochs[name])
    return {name: summary(seconds) for name, seconds in taken.items()}


def _epochs_for(contender: Contender) -> int:
    """Return how many epochs take about `SECONDS`."""
    epochs, seconds = 1, _seconds(contender, 1)
    while seconds < SECONDS / 4:
        epochs = max(2 * epochs, min(16 * epochs, round(epochs * SECONDS / (2 * seconds))))
        seconds = _seconds(contender, epochs)
    return max(1, round(epochs * SECONDS / seconds))


def _seconds(contender: Contender, epochs: int) -> float:
    began = time.process_time()  # of all threads: what else the machine does stays out of it
    contender.advance(epochs)
    return time.process_time() - began


def say(text: str) -> None:
    """Tell whoever waits what is going on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
