"""Ctrl-C and SIGTERM as a request to stop. Knows nothing of what stops."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StoppedAtOnce(KeyboardInterrupt):
    """The first signal came where there was nothing to keep."""


class Interrupt:
    """Whether the user has asked to stop: the first signal sets it, the second raises.

    Args:
        on_request: called at the first signal, from its handler.
    """

    def __init__(self, on_request: Callable[[], None] = lambda: None) -> None:
        self.requested = False
        self._on_request = on_request
        self._at_once = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._on_request()
        if self._at_once:
            raise StoppedAtOnce

    @contextlib.contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """Handle the signals within the block, where nothing is to be kept.

        Raises:
            StoppedAtOnce: at the first signal.
        """
        self._at_once = True
        try:
            with self.listening():
                yield
        finally:
            self._at_once = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals within the block. Entered anew once Ray runs, which sets its own."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[signal.Signals, Any] = {n: signal.signal(n, self) for n in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
