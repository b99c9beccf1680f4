"""Pretraining: one file each. `Pretraining` says what a file has to hold."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from sweep.components.spec import Component, count, non_negative


class Part(NamedTuple):
    """A part of a network that is trained on its own.

    Attributes:
        layers: its layers by index in the whole network, from the input on.
        below: how many of the network's first layers make its inputs out of the data.
    """

    layers: tuple[int, ...]
    below: int


class Pretraining(Component, ABC):
    """What is trained before the whole network is, part by part."""

    max_epochs = count("most epochs of each phase")
    min_delta = non_negative(
        "what an improvement on the best loss of a phase must exceed", default=0.0
    )
    patience = count(
        "epochs without an improvement that end a phase; null for all its max_epochs",
        default=None,
        optional=True,
    )

    @abstractmethod
    def parts(self, depth: int, *, layers: int) -> tuple[Part, ...]:
        """Return the parts of a network in the order of their training.

        Args:
            depth: its layers of weights.
            layers: the option of that name, 1 where there is none.
        """
