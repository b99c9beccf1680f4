"""The rectified linear unit."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Relu(Activation):
    """x above zero, 0 below."""

    name = "relu"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (0.0, inf)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.relu(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import choose, repeated

        def rectified(x: Any, options: Any) -> Any:
            return choose(x <= 0.0, 0.0, x), choose(x > 0.0, repeated(1.0, x), 0.0)

        return rectified
