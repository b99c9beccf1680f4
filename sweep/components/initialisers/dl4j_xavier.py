"""How deeplearning4j begins."""

from typing import TYPE_CHECKING

from sweep.components.initialisers import Draw, Initialiser, Options, glorot

if TYPE_CHECKING:
    import numpy as np


class Dl4jXavier(Initialiser):
    """deeplearning4j's XAVIER: normal with variance 2 / (fan-in + fan-out), not truncated."""

    name = "dl4j_xavier"

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return glorot(fan_in, fan_out, 2.0) * draw.normal()
