"""Exponential linear unit: Clevert et al. 2015."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options
from sweep.components.spec import real

if TYPE_CHECKING:
    from torch import Tensor


class Elu(Activation):
    """x above zero, alpha * (exp(x) - 1) below (Clevert et al. 2015)."""

    name = "elu"
    alpha = real("scale below zero", default=1.0)

    def bounds(self, options: Options) -> tuple[float, float]:
        return (min(0.0, -options["alpha"]), inf)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.where(x > 0, x, options["alpha"] * torch.expm1(x.clamp(max=0)))

    def kernel(self) -> Kernel:
        from sweep.kernel import choose, expm1

        def exponential(x: Any, options: Any) -> Any:
            (alpha,) = options
            e = expm1(choose(x > 0.0, 0.0, x))
            return choose(x > 0.0, x, alpha * e), choose(x > 0.0, 1.0, alpha * (e + 1.0))

        return exponential
