"""Pairs what was trained from the same seeds. Knows nothing of what is compared."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Int64

if TYPE_CHECKING:
    BySeed = pd.Series[float]
else:
    BySeed = pd.Series
"""A value a trial, under its seed."""


def share_seeds(first: BySeed, second: BySeed) -> bool:
    """Return whether two groups pair by seed: no seed twice, and more than half in both."""
    if not (first.index.is_unique and second.index.is_unique):
        return False
    both = len(first.index.intersection(second.index))
    return 2 * both > max(len(first), len(second))


def by_seed(first: BySeed, second: BySeed) -> Int64[np.ndarray, " seeds"]:
    """Return for each seed in both 1 where the first is greater, -1 where it is less, else 0."""
    both = pd.concat([first, second], axis=1, join="inner").to_numpy(np.float64)
    return (both[:, 0] > both[:, 1]).astype(np.int64) - (both[:, 0] < both[:, 1])
