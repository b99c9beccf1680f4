"""Sigmoid linear unit, or swish: Elfwing et al. 2017."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Silu(Activation):
    """x * sigmoid(x), also called swish (Elfwing et al. 2017)."""

    name = "silu"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (-0.27846454276107379, inf)  # at -1.2784645

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        from torch.nn import functional as F

        return F.silu(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import fma, sigmoid

        def swish(x: Any, options: Any) -> Any:
            s = sigmoid(x)
            return x * s, s * fma(x, 1.0 - s, 1.0)

        return swish
