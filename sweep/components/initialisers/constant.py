"""Every weight the same."""

import numpy as np

from sweep.components.initialisers import Draw, Initialiser, Options, constant_of, draw_biases
from sweep.components.spec import real


class Constant(Initialiser):
    """Every weight is c: hidden units start identical, and stay so in exact arithmetic."""

    name = "constant"
    draws = False

    constant = real("c: the value of every weight", label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> np.ndarray:
        return np.full(draw.shape, constant_of(options))
