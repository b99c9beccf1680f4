"""Trains one pack and hands on what it yields. Knows neither Ray nor files."""

import time
from collections.abc import Sequence
from typing import Protocol

from sweep.result import TrialResult
from sweep.running.patience import pause_after
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Finished, Progress, Work

ROWS_AT_ONCE = 256
SECONDS_BETWEEN_ROWS = 1.0


class Outlet(Protocol):
    """Where the yield of a pack goes; each call returns once what it was given is durable."""

    def rows(self, results: Sequence[TrialResult]) -> None: ...

    def checkpoint(self, data: bytes) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def should_stop(self) -> bool: ...


def relay_pack(work: Work, outlet: Outlet, *, checkpoint_seconds: float) -> None:
    """Train a pack, handing rows on in batches and always before the checkpoint that follows them.

    Args:
        work: the pack and what to go on from.
        outlet: receiver of rows, checkpoints and progress.
        checkpoint_seconds: longest time between checkpoints, s.
    """
    rows: list[TrialResult] = []
    sent, pause = time.monotonic(), SECONDS_BETWEEN_ROWS
    for event in train_pack(
        work, should_stop=outlet.should_stop, checkpoint_seconds=checkpoint_seconds
    ):
        if isinstance(event, Finished):
            rows += event.results
        due = len(rows) >= ROWS_AT_ONCE or time.monotonic() - sent > pause
        if rows and (due or isinstance(event, Checkpoint)):
            began = time.monotonic()
            outlet.rows(rows)
            rows, sent = [], time.monotonic()
            pause = pause_after(sent - began, least=SECONDS_BETWEEN_ROWS)
        if isinstance(event, Checkpoint):
            outlet.checkpoint(event.data)
        if isinstance(event, Progress):
            outlet.progress(event)
    if rows:
        outlet.rows(rows)
