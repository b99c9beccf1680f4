"""The hyperbolic tangent."""

from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Tanh(Activation):
    """The hyperbolic tangent."""

    name = "tanh"
    flattens = True

    def bounds(self, options: Options) -> tuple[float, float]:
        return (-1.0, 1.0)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.tanh(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import tanh

        def hyperbolic(x: Any, options: Any) -> Any:
            y = tanh(x)
            return y, 1.0 - y * y

        return hyperbolic
