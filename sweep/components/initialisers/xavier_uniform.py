"""Glorot and Bengio 2010, uniform."""

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


class XavierUniform(Initialiser):
    """Glorot's, by fan-in and fan-out, uniform (Glorot and Bengio 2010).

    With draw_biases it is how scikit-learn's MLPClassifier and MLPRegressor begin; with activation
    logistic (sigmoid) their gain is 0.5773502691896258, the root of 1/3.
    """

    name = "xavier_uniform"

    constant = real("the gain", default=1.0, label="c")
    draw_biases = draw_biases()

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return constant_of(options) * glorot(fan_in, fan_out, 6.0) * draw.symmetric()
