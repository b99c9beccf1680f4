"""Input noise: one file each. `Noise` says what a file has to hold.

Vincent et al. 2010, "Stacked denoising autoencoders": the network sees corrupted inputs while it
trains, its targets stay clean.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.components.spec import Component

if TYPE_CHECKING:
    import numpy as np


class Draws(StrEnum):
    """What a noise draws for every input of every epoch."""

    NORMAL = "normal"  # of mean 0 and variance 1
    UNIFORM = "uniform"  # in [0, 1)


class Noise(Component, ABC):
    """What corrupts the inputs of training, anew each epoch; targets and evaluation stay clean."""

    draws: ClassVar[Draws]

    @abstractmethod
    def corrupt(self, inputs: "np.ndarray", draws: "np.ndarray", **options: Any) -> "np.ndarray":
        """Return the inputs as an epoch sees them; `draws` are of the same shape."""

    def kernel(self) -> Callable[..., Any] | None:
        """Return the form for the kernel: (input, draw, options) to what the epoch sees.

        Float64 numbers, the options a tuple in their order. None: the torch engine trains it.
        """
        return None
