"""The worker's loop: trains one pack and reports what comes of it."""

import time
from collections.abc import Sequence
from typing import Protocol

from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Finished, Progress, Work

ROWS_AT_ONCE = 256
SECONDS_BETWEEN_ROWS = 1.0
PATIENCE = 10
"""A report that took a second is followed by the next after ten: whoever reports waits for no more
than a tenth of the time, and thousands of them slow down by themselves where one would hurry.
Checkpoints keep to their time, since that bounds what a crash costs."""


class Channel(Protocol):
    """Where the results of a pack go; each call returns once what it was given is durable."""

    def rows(self, results: Sequence[TrialResult]) -> None: ...

    def checkpoint(self, data: bytes) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def should_stop(self) -> bool: ...


def run_pack(work: Work, channel: Channel, *, checkpoint_seconds: float) -> None:
    """Train a pack; hand rows on in batches, and always before the checkpoint that follows them."""
    rows: list[TrialResult] = []
    sent, pause = time.monotonic(), SECONDS_BETWEEN_ROWS
    for event in train_pack(
        work, should_stop=channel.should_stop, checkpoint_seconds=checkpoint_seconds
    ):
        if isinstance(event, Finished):
            rows += event.results
        due = len(rows) >= ROWS_AT_ONCE or time.monotonic() - sent > pause
        if rows and (due or isinstance(event, Checkpoint)):
            began = time.monotonic()
            channel.rows(rows)
            rows, sent = [], time.monotonic()
            pause = pause_after(sent - began, least=SECONDS_BETWEEN_ROWS)
        if isinstance(event, Checkpoint):
            channel.checkpoint(event.data)
        if isinstance(event, Progress):
            channel.progress(event)
    if rows:
        channel.rows(rows)


def pause_after(seconds: float, *, least: float) -> float:
    """Return the seconds until the next report.

    Args:
        seconds: how long the last report took until it was acknowledged.
        least: pause where that was quick.
    """
    return max(least, PATIENCE * seconds)
