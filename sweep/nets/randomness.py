"""Random draws that depend on a key alone, never on what was drawn before.

A running stream of random numbers breaks as soon as lanes are refilled or resumed in another order.
Philox (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") is a function from a key
and a counter to bits; NumPy guarantees its raw output. The transforms to floats are our own, the
same bits on every machine.
"""

import threading
from enum import IntEnum

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from sweep.elementary import log, sine_and_cosine


class Purpose(IntEnum):
    """What a draw is for; each has bits of its own. Frozen once released."""

    WEIGHTS = 1
    JITTER = 2
    SHUFFLE = 3
    DATA = 4
    PLUGIN = 5
    NOISE = 6
    BIASES = 7
    DROPOUT = 8
    NETWORK = 9
    SEARCH = 10  # drawn in sweep.search.draws


def high_word(purpose: Purpose, layer: int = 0) -> int:
    """Return the upper half of a key, which the kernel is given."""
    return int(purpose) | (layer << 32)


def raw_bits(
    count: int, *, seed: int, purpose: Purpose, index: int = 0, layer: int = 0
) -> UInt64[np.ndarray, " count"]:
    """Return `count` uniform 64-bit words for a key.

    Args:
        count: how many words.
        seed: 0 to 2**63 - 1.
        purpose: what they are for.
        index: epoch, or layer where epochs do not differ, 0 to 2**63 - 1.
        layer: where layers and epochs both differ, 0 to 2**31 - 1.
    """
    counter, key = (0, 0, index, 0), (seed, high_word(purpose, layer))
    generator = _own.generator
    generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": np.array(counter, np.uint64), "key": np.array(key, np.uint64)},
        "buffer": _NOTHING,
        "buffer_pos": len(_NOTHING),
        "has_uint32": 0,
        "uinteger": 0,
    }
    return generator.random_raw(count)


class _Own(threading.local):
    """A generator for each thread: to set one takes a third of the time that making one does."""

    def __init__(self) -> None:
        self.generator = np.random.Philox(key=0)


_own = _Own()
_NOTHING = np.zeros(4, np.uint64)
"""Words drawn and not yet given out."""


def uniform(
    count: int, *, seed: int, purpose: Purpose, index: int = 0
) -> Float64[np.ndarray, " count"]:
    """Return draws from [0, 1), multiples of 2**-53."""
    return (raw_bits(count, seed=seed, purpose=purpose, index=index) >> 11) * 2.0**-53


def halves(
    count: int, *, seed: int, purpose: Purpose, index: int = 0, layer: int = 0
) -> Float64[np.ndarray, " count"]:
    """Return draws from [0, 1), multiples of 2**-32: the low half of each word, then the high."""
    words = raw_bits((count + 1) // 2, seed=seed, purpose=purpose, index=index, layer=layer)
    return np.stack([words & 0xFFFFFFFF, words >> 32], axis=1).ravel()[:count] * 2.0**-32


def symmetric(
    count: int, *, seed: int, purpose: Purpose, index: int = 0
) -> Float64[np.ndarray, " count"]:
    """Return draws from [-1, 1)."""
    return 2.0 * uniform(count, seed=seed, purpose=purpose, index=index) - 1.0


def normal(
    count: int, *, seed: int, purpose: Purpose, index: int = 0
) -> Float64[np.ndarray, " count"]:
    """Return standard normal draws (Box and Muller 1958)."""
    pairs = (count + 1) // 2
    draws = uniform(2 * pairs, seed=seed, purpose=purpose, index=index)
    radius = np.sqrt(-2.0 * log(1.0 - draws[:pairs]))
    sine, cosine = sine_and_cosine(draws[pairs:])
    return np.concatenate([radius * cosine, radius * sine])[:count]


def permutation(count: int, *, seed: int, epoch: int) -> Int64[np.ndarray, " count"]:
    """Return the order of the samples in an epoch."""
    words = raw_bits(count, seed=seed, purpose=Purpose.SHUFFLE, index=epoch)
    return np.argsort(words, kind="stable")
