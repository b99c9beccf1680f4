"""Scaled exponential linear unit: Klambauer et al. 2017."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor

ALPHA = 1.6732632423543772
SCALE = 1.0507009873554805


class Selu(Activation):
    """elu with the alpha and scale that keep mean and variance (Klambauer et al. 2017)."""

    name = "selu"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (-SCALE * ALPHA, inf)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        from torch.nn import functional as F

        return F.selu(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import choose, expm1

        def scaled(x: Any, options: Any) -> Any:
            e = expm1(choose(x > 0.0, 0.0, x)) * (ALPHA * SCALE)
            below = e + ALPHA * SCALE
            return choose(x > 0.0, SCALE * x, e), choose(x > 0.0, SCALE, below)

        return scaled
