"""Claim: a run looks for garbage rarely, and leaves Python as it found it."""

import gc

from sweep.running.collection import OBJECTS, collecting_rarely


def test_garbage_is_looked_for_rarely_within_the_block_only() -> None:
    before = gc.get_threshold()
    with collecting_rarely():
        within = gc.get_threshold()
    assert within == (OBJECTS, *before[1:])
    assert gc.get_threshold() == before
