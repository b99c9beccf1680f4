"""Connections around hidden layers: one file each. `Skip` says what a file has to hold.

An autoencoder's widths change from layer to layer, so what is carried around one is a fixed map
without parameters: the first units, as many as both sides have, and 0 for the rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.components.spec import Component

if TYPE_CHECKING:
    from torch import Tensor


class Skip(Component, ABC):
    """What a hidden layer gives besides its activations.

    Attributes:
        gated: whether each layer has a gate, with weights and biases of its own.
    """

    gated: ClassVar[bool] = False

    @abstractmethod
    def torch(self, around: "Tensor", activations: "Tensor", gate: "Tensor | None") -> "Tensor":
        """Return what the layer gives, (..., units).

        Args:
            around: what the layer was given, brought to its width.
            activations: what it made of it.
            gate: pre-activations of its gate, if it is gated.
        """

    def kernel(self) -> "tuple[Callable[..., Any], Callable[..., Any]] | None":
        """Return the forward and the backward form for the kernel, of vectors.

        Forward: (activations, around, gate) to what the layer gives and, in place of the gate, what
        the backward form wants of it. Backward: (slope, activations, around, gate), the gradient
        of what the layer gives first, to those of the activations, the gate and what goes around.
        None: the torch engine trains it.
        """
        return None
