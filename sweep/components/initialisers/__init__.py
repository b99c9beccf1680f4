"""Initialisers: one file each. `Initialiser` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import sqrt
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sweep.components.spec import Component, flag, non_negative

if TYPE_CHECKING:
    import numpy as np

Options = Mapping[str, Any]
"""Values of options by name."""


class Draw(Protocol):
    """Random numbers for an array of `shape`, the same for one seed and layer whoever asks."""

    shape: tuple[int, ...]

    def symmetric(self) -> "np.ndarray":
        """Return numbers uniform in (-1, 1)."""
        ...

    def normal(self) -> "np.ndarray":
        """Return normal numbers of variance 1."""
        ...

    def generator(self) -> "np.random.Generator":
        """Return a generator of numbers of any other distribution."""
        ...


class Initialiser(Component, ABC):
    """Where the weights of a layer start, in float64, whatever trains them.

    Attributes:
        draws: whether anything is drawn at random, so that seeds differ.
    """

    draws: ClassVar[bool] = True

    jitter = non_negative(
        "half-width of uniform noise added to every initial weight",
        default=0.0,
        neutral=0.0,
        absent=0.0,
    )

    @abstractmethod
    def weights(self, draw: Draw, *, fan_in: int, fan_out: int, options: Options) -> "np.ndarray":
        """Return the first values of an array of `draw.shape`, without jitter.

        That is (fan_out, fan_in), or (fan_out,) for biases that are drawn as weights are.

        Args:
            draw: what is random in it.
            fan_in: units that the layer is given.
            fan_out: units that it has.
            options: their values by name.
        """


def draw_biases(**changes: Any) -> Any:
    """Declare the option of initialisers that can draw biases too."""
    text = (
        "whether biases are drawn as their layer's weights are, instead of all being bias_constant"
    )
    fixed = {"default": False, "neutral": False, "absent": False, "chooses_code": False}
    return flag(changes.pop("doc", text), **fixed | changes)


def constant_of(options: Options) -> float:
    """Return c, 1 where none is given."""
    return 1.0 if options["constant"] is None else float(options["constant"])


def glorot(fan_in: int, fan_out: int, numerator: float) -> float:
    """Return the scale of Glorot and Bengio 2010."""
    return sqrt(numerator / (fan_in + fan_out))


def he(fan_in: int, numerator: float) -> float:
    """Return the scale of He et al. 2015."""
    return sqrt(numerator / fan_in)
