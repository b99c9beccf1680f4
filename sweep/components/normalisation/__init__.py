"""Normalisation of pre-activations: one file each. `Normalisation` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.spec import Component

if TYPE_CHECKING:
    import torch as pytorch
    from torch import Tensor


class Normalisation(Component, ABC):
    """What normalises the pre-activations of hidden layers.

    A network with one has, for each hidden layer, a scale and a shift that are learnt in place of
    the bias, and a running mean and variance.
    """

    @abstractmethod
    def reference(
        self, units: int, dtype: "pytorch.dtype", options: Mapping[str, Any]
    ) -> "pytorch.nn.Module":
        """Return the module that normalises the units of a layer, with its scale and shift."""

    @abstractmethod
    def torch(
        self, values: "Tensor", running: "tuple[Tensor, Tensor]", options: Mapping[str, Any]
    ) -> "Tensor":
        """Return the values in training, normalised but neither scaled nor shifted.

        Args:
            values: pre-activations, (lanes, samples, units).
            running: mean and variance, (lanes, units), changed in place.
            options: (lanes, 1) each.
        """

    @abstractmethod
    def evaluated(
        self, values: "Tensor", running: "tuple[Tensor, Tensor]", options: Mapping[str, Any]
    ) -> "Tensor":
        """Return the values in evaluation mode, of the arguments of `torch`; changes none."""
