"""How often Python looks for garbage while a sweep is under way. Knows nothing of trials."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS = 50_000
"""New objects between two looks. The driver makes trials by the thousand and holds them, so that at
Python's own 700 looks are a third of what a trial costs it."""


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Look for garbage after `OBJECTS` new objects, until the end of the block."""
    before = gc.get_threshold()
    gc.set_threshold(OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
