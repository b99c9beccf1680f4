"""Gaussian noise."""

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
