"""Where epsilon stands by the square root that it keeps from zero: rmsprop and adagrad."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweep.components.optimizers import Flags, Step
from sweep.components.spec import flag

if TYPE_CHECKING:
    from torch import Tensor


def epsilon_inside() -> Any:
    """Declare the option."""
    return flag(
        "whether epsilon is inside the square root, as in Keras 3", default=False, neutral=False
    )


def root_in_torch(square: "Tensor", s: Step) -> "Tensor":
    if s.flags["epsilon_inside"]:
        return (square + s.hyper["epsilon"]).sqrt()
    return square.sqrt() + s.hyper["epsilon"]


def root_in_kernel(flags: Flags) -> Callable[..., Any]:
    from sweep.kernel import inlined, sqrt

    @inlined
    def inside(square: Any, epsilon: Any) -> Any:
        return sqrt(square + epsilon)

    @inlined
    def beside(square: Any, epsilon: Any) -> Any:
        return sqrt(square) + epsilon

    return inside if flags["epsilon_inside"] else beside
