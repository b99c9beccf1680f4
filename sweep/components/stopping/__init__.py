"""Stop rules: one file each. `StopRule` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sweep.components.spec import REQUIRED, Component, one_of

REASONS = ("converged", "target", "pattern")
"""The reasons that rules give; where several are met in one epoch the first is the reason."""

LOSS, VALIDATION_LOSS = MONITORED = ("loss", "validation_loss")
"""The losses that rules can monitor: an epoch's own, and that on held-out samples after it."""


class Epoch(NamedTuple):
    """What a rule sees of an epoch: numbers, or arrays that broadcast over lanes and watches.

    Attributes:
        loss: the loss that the rule monitors: L_t, taken before the update of the epoch, or the
            loss on held-out samples after it.
        previous: L_(t-1); nan in the first epoch.
        change: L_t - L_(t-1); nan in the first epoch.
        worst_error: the largest |output - target|, where the rule needs outputs.
        number: of the epoch, from 1.
    """

    loss: Any
    previous: Any
    change: Any
    worst_error: Any
    number: Any


class History(NamedTuple):
    """What every training keeps of a monitored loss, whatever its rules.

    Attributes:
        epoch: epochs trained.
        change: of the loss, in the last of them.
        best_loss, best_epoch: the least loss so far and when.
        waited: epochs since the ladder's rung with this rule's threshold began to count; None where
            the ladder has none.
        best: the best loss of that rung.
    """

    epoch: int
    change: float
    best_loss: float
    best_epoch: int
    waited: int | None
    best: float


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return `yes` where a condition holds and `no` elsewhere: of arrays, or of numbers.

    `np.where` as rules need it: compiled, it gives a number for numbers.
    """
    return np.where(condition, yes, no)


class StopRule(Component, ABC):
    """Ends a training once the loss, or the outputs, meet a condition.

    A rule needs no more than `judge`. What it tells besides lets sweep know when it was met in a
    training that had other rules; where it tells nothing, such trials are trained anew.

    Attributes:
        reason: the stop reason that it gives: converged, target or pattern.
        needs_outputs: whether it looks at the outputs themselves.
        counters: what it carries from epoch to epoch, by name, with the first values. Counters do
            not depend on `patience`.
        threshold: the option that makes the rule stricter or looser, and which alone does but for
            `patience`, by how many epochs in a row the rule is put off.
        ladder: its name on the ladder of rules that every training is judged by; "" for none.
        misplaced: options that are likely meant as this rule's where they are given without one.
    """

    reason: ClassVar[str] = "converged"
    needs_outputs: ClassVar[bool] = False
    counters: ClassVar[Mapping[str, float]] = {}
    threshold: ClassVar[str] = ""
    ladder: ClassVar[str] = ""
    misplaced: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    @abstractmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        """Return whether an epoch meets the rule, and the counters after it.

        One function for arrays in NumPy and for numbers in the compiled kernel: it branches by
        `where` alone.

        Args:
            epoch: what it looks at.
            options: a tuple of those of `numbers`, in the order of their declaration; nan for null.
            counters: a tuple, in the order of `counters`.
        """

    def comes_first(self, sooner: Any, later: Any) -> bool:
        """Whether the rule at one threshold is met no later than at another, on any path."""
        return bool(sooner == later)

    def counters_from(self, threshold: Any, history: History) -> tuple[float | int, ...] | None:
        """Return the counters as if judged all along; None where that cannot be told."""
        return None

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The options that `judge` is given."""
        return tuple(name for name, option in self.options.items() if option.kind is not str)

    @cached_property
    def columns(self) -> dict[str, str]:
        """The column of each option."""
        return {option: f"{self.name}_{option}" for option in self.options}

    def asked(self, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return its options among the parameters of a trial; None if it is not asked for."""
        given = {option: parameters.get(column) for option, column in self.columns.items()}
        if all(value is None for value in given.values()):
            return None
        for option, spec in self.options.items():
            if given[option] is None and not spec.optional:
                if spec.default is REQUIRED:
                    return None
                given[option] = spec.default
        return given


class MonitoringRule(StopRule):
    """A stop rule that looks at a loss, and can be told at which."""

    monitor = one_of(
        *MONITORED,
        doc="what it looks at: loss, of the epoch, or validation_loss, on the held-out samples",
        default=LOSS,
        neutral=LOSS,
        absent=LOSS,
        chooses_code=False,
    )
