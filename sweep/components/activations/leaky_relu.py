"""Leaky ReLU: Maas et al. 2013."""

from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options
from sweep.components.spec import real

if TYPE_CHECKING:
    from torch import Tensor


class LeakyRelu(Activation):
    """x above zero, slope * x below (Maas et al. 2013)."""

    name = "leaky_relu"
    slope = real("slope below zero", default=0.01, label="slope")

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.where(x > 0, x, options["slope"] * x)

    def kernel(self) -> Kernel:
        from sweep.kernel import choose

        def leaky(x: Any, options: Any) -> Any:
            (slope,) = options
            return choose(x > 0.0, x, slope * x), choose(x > 0.0, 1.0, slope)

        return leaky
