"""The identity."""

import numpy as np

from sweep.components.initialisers import Draw, Initialiser, Options


class PassThrough(Initialiser):
    """Passes inputs through: 1 on the diagonal, 0 elsewhere."""

    name = "identity"
    draws = False

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> np.ndarray:
        return np.eye(fan_out, fan_in)
