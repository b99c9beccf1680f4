"""The worker's loop: trains one pack and reports what comes of it."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from sweep.kernel.compilation import telling_of_compilation
from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Finished, Progress, Work

ROWS_AT_ONCE = 1024
"""Rows that are sent at once: what reading a message costs is that of its columns until then."""

SECONDS_BETWEEN_ROWS = 1.0
PATIENCE = 10
"""A report that took a second is followed by the next after ten: whoever reports waits for no more
than a tenth of the time, and thousands of them slow down by themselves where one would hurry.
Checkpoints keep to their time, since that bounds what a crash costs."""


class Channel(Protocol):
    """Where the results of a pack go, which become durable in the order in which they are given."""

    def rows(self, results: Sequence[TrialResult]) -> None: ...

    def checkpoint(self, data: bytes) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def should_stop(self) -> bool: ...


def run_pack(work: Work, channel: Channel, *, checkpoint_seconds: float) -> None:
    """Train a pack; hand rows on in batches, and always before the checkpoint that follows them."""
    reported = _Reported(channel)
    with telling_of_compilation(reported.compiling):
        _run(work, channel, reported, checkpoint_seconds)


def _run(work: Work, channel: Channel, reported: "_Reported", checkpoint_seconds: float) -> None:
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
            reported.progress(event)
    if rows:
        channel.rows(rows)


class _Reported:
    """The progress of a pack as the channel is told it."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._last = channel, Progress(0, 0, 0, 0)

    def progress(self, progress: Progress) -> None:
        """Pass progress on; what was compiling still is until lanes train."""
        compiling = self._last.compiling and not (progress.active or progress.epochs)
        self._last = replace(progress, compiling=compiling)
        self._channel.progress(self._last)

    def compiling(self) -> None:
        """Say that a part of what trains is about to be compiled."""
        self._last = replace(self._last, epochs=0, compiling=True)
        self._channel.progress(self._last)


def pause_after(seconds: float, *, least: float) -> float:
    """Return the seconds until the next report.

    Args:
        seconds: how long the last report took until it was acknowledged.
        least: pause where that was quick.
    """
    return max(least, PATIENCE * seconds)
