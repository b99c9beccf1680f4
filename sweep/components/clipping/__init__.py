"""Gradient clipping: one file each. `Clipping` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sweep.components.spec import Component, positive

if TYPE_CHECKING:
    from torch import Tensor


class Clipping(Component, ABC):
    """What keeps gradients small, each network's alone, before weight decay joins them."""

    limit = positive(
        "most that the 2-norm of a network's whole gradient, or the magnitude of each of its "
        "elements, may be",
        default=1.0,
    )

    @abstractmethod
    def torch(self, gradient: "Tensor", limit: "Tensor") -> "Tensor":
        """Return the gradients, (lanes, parameters), clipped; `limit` is (lanes, 1)."""

    @abstractmethod
    def reference(self, parameters: "Iterable[Tensor]", limit: float) -> None:
        """Clip the gradients of one network's parameters in place."""

    def kernel(self) -> Callable[..., None] | None:
        """Return the form for the compiled kernel, which clips one lane's gradient in place.

        It is given pointer to the gradient, lane, limit in float64, number of parameters, and the
        distance from one parameter to the next.
        """
        return None
