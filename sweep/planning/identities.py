"""Identities of trials and paths as numbers, by which many are compared at once."""

from collections.abc import Iterable
from itertools import islice

import numpy as np
from jaxtyping import UInt64

CHUNK = 4_096
DIGITS = 16
"""Of an identity."""
Identities = UInt64[np.ndarray, " trials"]


def identity_numbers(names: Iterable[str]) -> Identities:
    """Return identities, 16 hex digits each, as numbers."""
    left = iter(names)
    parts = [np.zeros(0, np.uint64)]
    while chunk := list(islice(left, CHUNK)):
        parts.append(_numbers(chunk))
    return np.concatenate(parts)


def _numbers(names: list[str]) -> Identities:
    if any(len(name) != DIGITS for name in names):  # such as the first digits of one
        return np.array([int(name, 16) for name in names], np.uint64)
    return np.frombuffer(bytes.fromhex("".join(names)), ">u8").astype(np.uint64)
