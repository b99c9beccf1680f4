"""Losses: one file each. `Loss` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.components.spec import Component, one_of

if TYPE_CHECKING:
    from torch import Tensor

KERAS_EPSILON = 1e-7  # keras.backend.epsilon()
TORCH_LOG_FLOOR = -100.0  # torch.nn.BCELoss
TORCH_GRADIENT_FLOOR = 1e-12  # the least denominator in BCELoss's gradient


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Which form of a loss a network needs.

    Attributes:
        semantics: its option of that name, if it has one.
        softmax: whether the outputs are a softmax.
        bits: whether every target is 0 or 1.
        options: the values of a user's own loss, the same for all lanes.
    """

    semantics: str | None
    softmax: bool
    bits: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class Sees(StrEnum):
    """What a loss in the kernel is a function of."""

    OUTPUT = "output"  # (output, target) to the term and its derivative, for each output alone
    SHARE = "share"  # the same, of an output's share of its sample's sum
    LOGITS = "logits"  # (pre-activation, output, target, weight) to the term and its gradient
    WEIGHTED_LOGITS = "weighted_logits"  # the same, with the sum of the sample's targets as weight


@dataclass(frozen=True)
class Kernel:
    """A loss for the compiled kernel, of `sweep.kernel`'s functions.

    Of `LOGITS` the derivative is that by the pre-activation, which for softmax outputs is the
    logarithm of the softmax.
    """

    sees: Sees
    term: Callable[..., Any]


class Loss(Component, ABC):
    """What training makes small: a term for each output of each sample.

    Attributes:
        sums_outputs: whether its mean is over samples alone, and its outputs' terms are summed.
        reduces: whether `torch` returns one number for each leading index instead of terms.
    """

    sums_outputs: ClassVar[bool] = False
    reduces: ClassVar[bool] = False

    reduction = one_of(
        "mean",
        "sum",
        doc="mean over samples and outputs (categorical cross-entropy: over samples), or sum over "
        "both, as in PyTorch; a sum is as many times larger, its gradient and stop rules too",
        default="mean",
        neutral="mean",
        absent="mean",
    )

    def takes_logits(self, semantics: str | None) -> bool:
        """Return whether it wants the pre-activations of the outputs, whatever these are."""
        return False

    def untrained(self, *, mean_square: float, outputs: int) -> float:
        """Return the order of the loss before training; 0 where it cannot be told.

        Args:
            mean_square: of the targets.
            outputs: of the network.
        """
        return 0.0

    @abstractmethod
    def torch(
        self, logits: "Tensor", outputs: "Tensor", targets: "Tensor", variant: Variant
    ) -> "Tensor":
        """Return the terms, of the shape of the outputs, (..., samples, features)."""

    def kernel(self, variant: Variant) -> Kernel | None:
        """Return the form for the compiled kernel; None for none."""
        return None
