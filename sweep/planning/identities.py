"""Identities of trials and paths as numbers, by which many are compared at once."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt64

Identities = UInt64[np.ndarray, " trials"]


def identity_numbers(names: Iterable[str]) -> Identities:
    """Return identities, 16 hex digits each, as numbers."""
    return np.array([int(name, 16) for name in names], np.uint64)
