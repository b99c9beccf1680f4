"""Stop rules: one file each. `StopRule` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from sweep.components.spec import Component


class Epoch(NamedTuple):
    """What a rule sees of an epoch: numbers, or arrays that broadcast over lanes and watches.

    Attributes:
        loss: L_t, taken before the update of the epoch.
        change: L_t - L_(t-1); infinite in the first epoch.
        worst_error: the largest |output - target|, where the rule needs outputs.
        number: of the epoch, from 1.
    """

    loss: Any
    change: Any
    worst_error: Any
    number: Any


class StopRule(Component, ABC):
    """Ends a training once the loss, or the outputs, meet a condition.

    Attributes:
        reason: the stop reason that it gives: converged, target or pattern.
        needs_outputs: whether it looks at the outputs themselves.
        counters: what it carries from epoch to epoch, by name, with the first values.
    """

    reason: ClassVar[str] = "converged"
    needs_outputs: ClassVar[bool] = False
    counters: ClassVar[Mapping[str, float]] = {}

    @staticmethod
    @abstractmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        """Return whether an epoch meets the rule, and the counters after it.

        One function for arrays in NumPy and for numbers in the compiled kernel: it branches by
        `np.where` alone.

        Args:
            epoch: what it looks at.
            options: a tuple, in the order of their declaration.
            counters: a tuple, in the order of `counters`.
        """
