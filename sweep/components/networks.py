"""Networks of the user's own: what stands in place of a perceptron."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.spec import Component

if TYPE_CHECKING:
    from torch import nn

OWN = "own"
"""What activation, output_activation and initialiser are where such a network decides them."""


class Network(Component, ABC):
    """What makes a torch.nn.Module with the methods `encode` and `decode`."""

    @abstractmethod
    def build(self, options: Mapping[str, Any], *, features: int, outputs: int) -> "nn.Module":
        """Return the module at its initial weights, which it draws from PyTorch's generator.

        Args:
            options: their values by their names.
            features: numbers in a sample of the data.
            outputs: numbers in what it should give.
        """
