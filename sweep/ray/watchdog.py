"""Ends a worker that has stood still for too long."""

import contextlib
import faulthandler
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator

POLL_SECONDS = 1.0
STDERR = 2


class Watchdog:
    """Counts the seconds since the last sign of life; used in a with statement.

    After `seconds` of silence it calls `on_stall` with the stack of the thread that made it, and
    ends the process. Code that lets no other thread run cannot be heard out: Python's own fault
    handler ends it after twice the time, its stack in the worker's log.

    Args:
        seconds: longest silence, s, > 0.
        on_stall: told of it in a thread of its own.
    """

    def __init__(self, seconds: float, on_stall: Callable[[str], None]) -> None:
        self._seconds, self._on_stall = seconds, on_stall
        self._watched = threading.get_ident()
        self._deadline, self._armed = math.inf, -math.inf
        self._over, self._ending = threading.Event(), threading.Lock()

    def __enter__(self) -> "Watchdog":
        self.hear()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._ending:
            self._over.set()
            self._rest()

    def hear(self) -> None:
        """Note a sign of life."""
        now = time.monotonic()
        self._deadline = now + self._seconds
        if now > self._armed + self._seconds / 4:  # it takes a thread each time
            faulthandler.dump_traceback_later(2 * self._seconds, exit=True, file=STDERR)
            self._armed = now

    @contextlib.contextmanager
    def patient(self) -> Iterator[None]:
        """Count no time within the block, which waits for others."""
        watching = self._deadline < math.inf
        self._rest()
        yield
        if watching:
            self.hear()

    def _rest(self) -> None:
        self._deadline, self._armed = math.inf, -math.inf
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        while not self._over.wait(min(POLL_SECONDS, self._seconds / 4)):
            with self._ending:  # so that nothing new is begun in a process about to end
                if time.monotonic() > self._deadline:
                    self._end()

    def _end(self) -> None:
        try:
            frame = sys._current_frames().get(self._watched)
            self._on_stall("".join(traceback.format_stack(frame)))
        finally:
            os._exit(1)
