"""The logistic function."""

from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    flattens = True

    def bounds(self, options: Options) -> tuple[float, float]:
        return (0.0, 1.0)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        import torch

        return torch.sigmoid(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import sigmoid

        def logistic(x: Any, options: Any) -> Any:
            y = sigmoid(x)
            return y, y * (1.0 - y)

        return logistic
