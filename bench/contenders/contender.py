"""The interface of a contender."""

from typing import Protocol

import numpy as np
from jaxtyping import Float32, Float64

Weights = Float32[np.ndarray, "lanes parameters"]


class Contender(Protocol):
    """Networks under way, on one core."""

    name: str

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        """Train each network for `epochs`; return its loss in the last, before its update."""
        ...
