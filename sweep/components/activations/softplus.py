"""A smooth ReLU: Glorot et al. 2011."""

from math import inf
from typing import TYPE_CHECKING, Any

from sweep.components.activations import Activation, Kernel, Options

if TYPE_CHECKING:
    from torch import Tensor

END = 20.0  # torch.nn.Softplus is the identity beyond


class Softplus(Activation):
    """log(1 + exp(x)), the identity beyond 20, as PyTorch's (Glorot et al. 2011)."""

    name = "softplus"

    def bounds(self, options: Options) -> tuple[float, float]:
        return (0.0, inf)

    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        from torch.nn import functional as F

        return F.softplus(x)

    def kernel(self) -> Kernel:
        from sweep.kernel import choose, exp, log1p, sigmoid

        def smooth(x: Any, options: Any) -> Any:
            beyond = x > END
            return choose(beyond, x, log1p(exp(x))), choose(beyond, 1.0, sigmoid(x))

        return smooth
