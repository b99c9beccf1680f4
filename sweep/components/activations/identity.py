"""No activation: linear layers."""

from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor


class Identity(Activation):
    """x as it is: a linear layer."""

    name = "identity"

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        return x

    def kernel(self) -> Kernel:
        from sweep.kernel import repeated

        def linear(x: Any, options: Any) -> Any:
            return x, repeated(1.0, x)

        return linear
