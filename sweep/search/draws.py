"""Points that are known before any is trained: each follows from a seed and its number alone.

A larger budget therefore keeps the points of a smaller one. Bits come from Philox, as all others do
(`sweep.nets.randomness`), and are the same on every machine and with every version of SciPy.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress

import numpy as np
from jaxtyping import Float64, UInt64

from sweep.config.search import Search
from sweep.search.dimensions import Dimension
from sweep.search.grid_space import Point
from sweep.search.space import Space

PURPOSE = 10  # Purpose.SEARCH of sweep.nets.randomness
SOBOL_BITS = 30
MOST_TRIES = 1_000
"""Candidates for a point before exclude counts as dropping all."""

Shares = Float64[np.ndarray, "points dimensions"]


def draw_points(space: Space, search: Search) -> list[Point]:
    """Return the points of a search, those that are excluded passed over.

    There are fewer than its budget where exclude drops nearly everything. Points of choices alone
    may come again.
    """
    shares = SHARES[search.name or "random"]
    wanted = search.budget
    points: list[Point] = []
    tried = 0
    while len(points) < wanted and tried < wanted * MOST_TRIES:
        most = 1 << max(tried, wanted).bit_length()
        rows = shares(most, len(space.dimensions), search.seed)[tried:]
        found = [space.choose(partial(_at, row)) for row in rows.tolist()]
        points += compress(found, space.kept(found))
        tried = most
    return points[:wanted]


def _at(shares: Sequence[float], dimension: Dimension) -> float:
    return dimension.at(shares[dimension.index])


def random_shares(points: int, dimensions: int, seed: int) -> Shares:
    """Return independent draws from [0, 1)."""
    words = [_words(dimensions, seed, index) for index in range(points)]
    return (np.array(words, np.uint64).reshape(points, dimensions) >> 11) * 2.0**-53


def sobol_shares(points: int, dimensions: int, seed: int) -> Shares:
    """Return Sobol points in [0, 1), scrambled by a random linear map and shift (Matoušek 1998).

    Args:
        points: how many, a power of two.
        dimensions: of each point.
        seed: of the scramble, which of one dimension depends on no other.
    """
    if not dimensions:
        return np.zeros((points, 0))
    from scipy.stats import qmc

    plain = qmc.Sobol(dimensions, scramble=False, bits=SOBOL_BITS)
    digits = (plain.random_base2(points.bit_length() - 1) * 2.0**SOBOL_BITS).astype(np.uint64)
    scrambled = np.stack([_scrambled(digits[:, d], seed, d) for d in range(dimensions)], axis=1)
    return (scrambled + 0.5) * 2.0**-SOBOL_BITS


def _scrambled(
    digits: UInt64[np.ndarray, " points"], seed: int, dimension: int
) -> UInt64[np.ndarray, " points"]:
    """Return numbers each bit of which is itself plus random ones of those above it, flipped."""
    words = _words(SOBOL_BITS + 1, seed, dimension) >> np.uint64(64 - SOBOL_BITS)
    found = np.full(len(digits), words[-1])
    for place in range(SOBOL_BITS):
        bit = 1 << place
        above = int(words[place]) & ~(2 * bit - 1)
        parity = np.bitwise_count(digits & np.uint64(above | bit)).astype(np.uint64) & np.uint64(1)
        found ^= parity << np.uint64(place)
    return found


def _words(count: int, seed: int, index: int) -> UInt64[np.ndarray, " count"]:
    key = seed | (PURPOSE << 64)
    return np.random.Philox(key=key, counter=index << 128).random_raw(count)


SHARES: dict[str, Callable[[int, int, int], Shares]] = {
    "random": random_shares,
    "sobol": sobol_shares,
}
"""What draws the points of a search by its name."""
