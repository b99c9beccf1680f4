"""The mean squared error."""

from typing import TYPE_CHECKING, Any

from sweep.components.losses import Kernel, Loss, Sees, Variant

if TYPE_CHECKING:
    from torch import Tensor


class MeanSquaredError(Loss):
    """The mean, or by reduction the sum, over samples and outputs of the squared difference."""

    name = "mean_squared_error"

    def untrained(self, *, mean_square: float, outputs: int) -> float:
        return mean_square

    def torch(
        self, logits: "Tensor", outputs: "Tensor", targets: "Tensor", variant: Variant
    ) -> "Tensor":
        return (outputs - targets).square()

    def kernel(self, variant: Variant) -> Kernel:
        def squared_error(p: Any, t: Any) -> Any:
            d = p - t
            return d * d, d + d

        return Kernel(Sees.OUTPUT, squared_error)
