"""Masking noise."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sweep.components.noise import Draws, Noise
from sweep.components.spec import share


class Masking(Noise):
    """Inputs set to 0 at random, anew each epoch; targets and evaluation stay clean.

    Independently of each other: Vincent et al. mask a fixed share of each sample's.
    """

    name = "masking"
    draws = Draws.UNIFORM

    rate = share("probability that an input is set to 0")

    def corrupt(self, inputs: np.ndarray, draws: np.ndarray, **options: Any) -> np.ndarray:
        return np.where(draws < (options["rate"] or 0.0), 0.0, inputs)

    def kernel(self) -> Callable[..., Any]:
        def masking(x: float, draw: float, options: Any) -> float:
            (rate,) = options
            return 0.0 if draw < rate else x

        return masking
