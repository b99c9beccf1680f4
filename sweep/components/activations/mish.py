"""Mish: Misra 2019 (arXiv:1908.08681)."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor

FAR = 20.0  # torch.nn.functional.softplus is the identity beyond


class Mish(Activation):
    """x * tanh(softplus(x)): smooth, unbounded above, with a dip below zero (Misra 2019)."""

    name = "mish"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (-0.30884341301725043, inf)  # at -1.1924312

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        from torch.nn import functional as F

        return F.mish(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import choose, exp, fma, log1p, sigmoid, tanh

        def mish(x: Any, options: Any) -> Any:
            t = tanh(choose(x > FAR, x, log1p(exp(choose(x > FAR, FAR, x)))))
            return x * t, fma(x * sigmoid(x), 1.0 - t * t, t)

        return mish
