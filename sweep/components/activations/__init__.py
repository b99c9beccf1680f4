"""Activations: one file each. `Activation` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.components.spec import Component

if TYPE_CHECKING:
    from torch import Tensor

Options = Mapping[str, Any]
"""Values of options by name."""

Kernel = Callable[..., Any]
"""(vector, options) to the activation and its derivative there, in compiled code.

Of one that is not elementwise: (pre-activations, activations, columns, units, width), pointers to
vectors of which those of a column are one sample's; what it leaves of the first is the loss's.
"""


class Activation(Component, ABC):
    """What is applied to a layer's pre-activations.

    Options reach both forms as numbers or, where lanes train side by side, as tensors that
    broadcast over samples and units, or vectors, with one number for each lane.

    Attributes:
        hidden: whether hidden layers can have it; output layers can have any.
        flattens: whether it saturates, so that `flat_spot` lifts its derivative.
        elementwise: whether each output depends on its own pre-activation alone.
        softmax: whether it is a softmax, of which losses take the logarithm.
    """

    hidden: ClassVar[bool] = True
    flattens: ClassVar[bool] = False
    elementwise: ClassVar[bool] = True
    softmax: ClassVar[bool] = False

    def bounds(self, options: Options) -> tuple[float, float]:
        """Return the smallest and the largest output, for warnings about targets beyond."""
        return (-inf, inf)

    @abstractmethod
    def torch(self, x: "Tensor", options: Options) -> "Tensor":
        """Apply it to a tensor."""

    def kernel(self) -> Kernel | None:
        """Return the form for the compiled kernel, of `sweep.kernel`'s functions; None for none.

        It takes a vector and the tuple of options in the order of their declaration. A component
        without it is trained by the torch engine.
        """
        return None
