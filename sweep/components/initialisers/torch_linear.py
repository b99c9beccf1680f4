"""How torch.nn.Linear begins."""

from typing import TYPE_CHECKING

from sweep.components.initialisers import Draw, Initialiser, Options, draw_biases, he

if TYPE_CHECKING:
    import numpy as np


class TorchLinear(Initialiser):
    """As torch.nn.Linear begins by itself: weights and biases uniform within 1 / sqrt(fan-in)."""

    name = "torch_linear"

    draw_biases = draw_biases(
        doc="whether biases are drawn too, instead of all being bias_constant", default=True
    )

    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        return he(fan_in, 1.0) * draw.symmetric()
