"""Gaussian noise."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sweep.components.noise import Draws, Noise
from sweep.components.spec import non_negative


class Gaussian(Noise):
    """Normal noise added to every input, anew each epoch; targets and evaluation stay clean."""

    name = "gaussian"
    draws = Draws.NORMAL

    scale = non_negative("standard deviation")

    def corrupt(self, inputs: np.ndarray, draws: np.ndarray, **options: Any) -> np.ndarray:
        return inputs + (options["scale"] or 0.0) * draws

    def kernel(self) -> Callable[..., Any]:
        def gaussian(x: float, draw: float, options: Any) -> float:
            (scale,) = options
            return x + float(scale) * draw

        return gaussian
