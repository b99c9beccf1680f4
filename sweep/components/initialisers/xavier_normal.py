"""Glorot and Bengio 2010, normal."""

from typing import TYPE_CHECKING

from sweep.components.initialisers import (
    Draw,
    Initialiser,
    Options,
    constant_of,
    draw_biases,
    glorot,
)
from sweep.components.spec import real

if TYPE_CHECKING:
    import numpy as np


class XavierNormal(Initialiser):
    """Glorot's, by fan-in and fan-out, normal (Glorot and Bengio 2010)."""

    name = "xavier_normal"

    constant = real("the gain", default=1.0, label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return constant_of(options) * glorot(fan_in, fan_out, 2.0) * draw.normal()
