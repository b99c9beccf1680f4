"""Uniform weights."""

from typing import TYPE_CHECKING

from sweep.components.initialisers import Draw, Initialiser, Options, constant_of, draw_biases
from sweep.components.spec import real

if TYPE_CHECKING:
    import numpy as np


class Uniform(Initialiser):
    """Weights uniform in (-c, c)."""

    name = "uniform"

    constant = real("c: the half-width", label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return constant_of(options) * draw.symmetric()
