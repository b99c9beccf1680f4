"""Normal weights."""

from typing import TYPE_CHECKING

from sweep.components.initialisers import Draw, Initialiser, Options, constant_of, draw_biases
from sweep.components.spec import real

if TYPE_CHECKING:
    import numpy as np


class Normal(Initialiser):
    """Weights normal with standard deviation c."""

    name = "normal"

    constant = real("c: the standard deviation", label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return constant_of(options) * draw.normal()
