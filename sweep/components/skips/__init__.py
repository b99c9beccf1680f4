"""Connections around hidden layers: one file each. `Skip` says what a file has to hold.

An autoencoder's widths change from layer to layer, so what is carried around one is a fixed map
without parameters: the first units, as many as both sides have, and 0 for the rest.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

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
