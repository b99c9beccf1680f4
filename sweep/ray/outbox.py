"""What a worker has for the driver: the rows of small packs together, a parcel at a time."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray

from sweep.result import TrialResult
from sweep.running.messages import Message, Rows
from sweep.running.worker_loop import ROWS_AT_ONCE, SECONDS_BETWEEN_ROWS, pause_after

MOST_ROWS = 2 * ROWS_AT_ONCE
"""Rows that wait while a parcel is under way; with more than these the worker waits for it."""

Parcel = list[tuple[str, Message]]


class Outbox:
    """Sends rows, then the messages that must not come before them.

    Args:
        sweep: name of the sweep, written into every row.
        put: sends a parcel; returns Ray's reference to the seconds that the driver took to keep it.
        get: waits for what such a reference is to.
    """

    def __init__(self, sweep: str, put: Callable[[Parcel], Any], get: Callable[[Any], Any]) -> None:
        self._sweep, self._put, self._get = sweep, put, get
        self._results: list[TrialResult] = []
        self._messages: Parcel = []
        self._under_way: Any = None
        self._due = time.monotonic() + SECONDS_BETWEEN_ROWS

    def add_rows(self, results: Sequence[TrialResult]) -> None:
        self._results += results

    def add(self, pack_id: str, message: Message) -> None:
        self._messages.append((pack_id, message))

    def send_due(self) -> None:
        """Send what has waited for long enough, unless the parcel before is still under way."""
        due = len(self._results) >= ROWS_AT_ONCE or time.monotonic() > self._due
        if (due and self._is_free()) or len(self._results) >= MOST_ROWS:
            self.send()

    def send(self) -> None:
        """Send everything, after the parcel before has been kept."""
        self._settle()
        if not self._results and not self._messages:
            return
        parcel, self._messages = self._messages, []
        if results := self._results:
            self._results = []
            rows = Rows.of(results, self._sweep)
            parcel = [(rows.packs[0], rows), *parcel]
        self._under_way = self._put(parcel)

    def flush(self) -> None:
        """Send everything; return once the driver has kept it."""
        self.send()
        self._settle()

    def _is_free(self) -> bool:
        return self._under_way is None or is_ready(self._under_way)

    def _settle(self) -> None:
        if self._under_way is not None:
            took: float = self._get(self._under_way)
            self._under_way = None
            self._due = time.monotonic() + pause_after(took, least=SECONDS_BETWEEN_ROWS)


def is_ready(answer: Any) -> bool:
    """Return whether the answer to a call has come; ask for it to be fetched."""
    ready, _ = ray.wait([answer], timeout=0)
    return bool(ready)
