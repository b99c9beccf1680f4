"""What the adam family shares: running means of the gradient and of its square."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Optimizer, Step
from sweep.components.spec import non_negative, share

if TYPE_CHECKING:
    from torch import Tensor


class Moments(Optimizer):
    """Optimizers by the first two moments of the gradient."""

    moves = True  # by their bias corrections

    beta1 = share("decay of the mean gradient", default=0.9)
    beta2 = share("decay of the mean squared gradient", default=0.999)
    epsilon = non_negative(
        "added to the root after its bias correction, as in PyTorch", default=1e-8
    )

    def slots(self, flags: Flags) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")


def moments_in_torch(s: Step) -> "tuple[Tensor, Tensor]":
    """Take the gradient into its two running means, and return them."""
    mean, square = s.slots["exp_avg"], s.slots["exp_avg_sq"]
    mean.add_((1 - s.hyper["beta1"]) * (s.gradient - mean))
    square.mul_(s.hyper["beta2"]).add_((1 - s.hyper["beta2"]) * s.gradient * s.gradient)
    return mean, square


def moments_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import fma, inlined

    @inlined
    def moments(g: Any, mean: Any, square: Any, decays: Any) -> Any:
        """`decays`: 1 - beta1, beta2 and 1 - beta2."""
        less_beta1, beta2, less_beta2 = decays
        return fma(less_beta1, g - mean, mean), fma(beta2, square, less_beta2 * g * g)

    return moments


def correction_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import expm1, inlined, log1p

    @inlined
    def correction(beta: Any, count: Any) -> Any:
        """Return 1 - beta**count."""
        return -expm1(log1p(beta - 1.0) * count)

    return correction
