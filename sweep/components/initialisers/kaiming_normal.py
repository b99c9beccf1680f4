"""He et al. 2015, normal."""

from math import sqrt
from typing import TYPE_CHECKING

from sweep.components.initialisers import Draw, Initialiser, Options, constant_of, draw_biases, he
from sweep.components.spec import real

if TYPE_CHECKING:
    import numpy as np


class KaimingNormal(Initialiser):
    """He's, by fan-in, normal (He et al. 2015)."""

    name = "kaiming_normal"

    constant = real("the gain", default=sqrt(2.0), label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        gain = constant_of(options)
        return gain * he(fan_in, 1.0) * draw.normal()
