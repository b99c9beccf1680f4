"""How Keras and PyTorch keep a logarithm finite: what both cross-entropies share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweep.components.losses import KERAS_EPSILON, TORCH_LOG_FLOOR

if TYPE_CHECKING:
    from torch import Tensor


def clipped_in_torch(outputs: "Tensor") -> "Tensor":
    return outputs.clamp(KERAS_EPSILON, 1 - KERAS_EPSILON)


def clipped_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import choose, inlined

    @inlined
    def clipped(p: Any) -> Any:
        low = choose(p < KERAS_EPSILON, KERAS_EPSILON, p)
        return choose(low > 1.0 - KERAS_EPSILON, 1.0 - KERAS_EPSILON, low)

    return clipped


def inside_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import inlined, repeated

    @inlined
    def inside(p: Any) -> Any:
        """Whether Keras does not clip: its gradient is 0 where it does."""
        return (p >= KERAS_EPSILON) & (p <= repeated(1.0 - KERAS_EPSILON, p))

    return inside


def floored_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import choose, inlined

    @inlined
    def floored(y: Any) -> Any:
        return choose(y < TORCH_LOG_FLOOR, TORCH_LOG_FLOOR, y)

    return floored
