"""Sparsity of codes: one file each. `Sparsity` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.spec import Component, non_negative, real

if TYPE_CHECKING:
    from torch import Tensor


class Sparsity(Component, ABC):
    """What keeps each unit of the bottleneck inactive for most samples."""

    target = real("mean activation that each unit is to have over a batch", above=0, below=1)
    weight = non_negative("what the sum over the bottleneck's units is multiplied with")

    @abstractmethod
    def torch(self, means: "Tensor", options: Mapping[str, Any]) -> "Tensor":
        """Return how far each unit is off, (..., units); nothing where it has its target.

        Args:
            means: of the units' activations over a batch, in float64.
            options: floats or, of lanes side by side, tensors (lanes, 1).
        """
