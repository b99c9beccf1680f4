"""Optimizers: one file each. `Optimizer` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.components.spec import Component, non_negative

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer as TorchOptimizer

Flags = Mapping[str, bool]
"""Of each option that chooses what runs: whether it is used."""


@dataclass(frozen=True)
class Step:
    """What an update works on in the torch engine: flat parameters, a row for each lane.

    Every update acts element by element, so that a lane never sees those beside it.

    Attributes:
        parameters, gradient: (lanes, parameters), changed in place, and read.
        slots: the optimizer's own arrays of the same shape, changed in place.
        scalars: its own numbers, float64, one a lane, changed in place.
        hyper: its options, (lanes, 1) each.
        learning_rate: of this update, after schedule and decay, (lanes, 1).
        count: number of this update, from 1, float64, (lanes, 1).
        flags: which options that choose code are used.
    """

    parameters: "Tensor"
    gradient: "Tensor"
    slots: "Mapping[str, Tensor]"
    scalars: "Mapping[str, Tensor]"
    hyper: "Mapping[str, Tensor]"
    learning_rate: "Tensor"
    count: "Tensor"
    flags: Flags

    def cast(self, column: "Tensor") -> "Tensor":
        return column.to(self.parameters.dtype)

    def correction(self, beta: str) -> "Tensor":
        """Return 1 - beta**count, float64."""
        return 1 - self.hyper[beta].double() ** self.count


@dataclass(frozen=True)
class Kernel:
    """An optimizer for the compiled kernel, of `sweep.kernel`'s functions.

    Attributes:
        reads: the options that `prepare` is given.
        values: how many vectors it returns.
        prepare: (rate, count, options, scalars) to (values, scalars), once an epoch in float64
            vectors: the learning rate, the number of the update from 1, a tuple of the options of
            `reads`, and the optimizer's scalars.
        update: (parameter, gradient, slots, values) to (parameter, slots): vectors in the
            network's precision, a tuple of slots and what `prepare` returned.
    """

    reads: tuple[str, ...]
    values: int
    prepare: Callable[..., Any]
    update: Callable[..., Any]


class Optimizer(Component, ABC):
    """What updates the parameters by their gradient.

    Attributes:
        decouples_decay: whether weight decay shrinks the weights instead of joining the gradient.
        scheduled: whether the learning rate of an epoch matters to it.
        moves: whether what `Kernel.prepare` returns differs from update to update at one rate.
        scalars: its own numbers of each network, by name, with their first values.
    """

    decouples_decay: ClassVar[bool] = False
    scheduled: ClassVar[bool] = True
    moves: ClassVar[bool] = False
    scalars: ClassVar[Mapping[str, float]] = {}

    decay = non_negative(
        "old Keras's decay: learning rate / (1 + decay * updates so far)", default=0.0, neutral=0.0
    )

    def slots(self, flags: Flags) -> tuple[str, ...]:
        """Return the names of the arrays that it keeps, as large as the parameters."""
        return ()

    def first(self, slot: str, *, learning_rate: float, options: Mapping[str, Any]) -> float:
        """Return what a slot is filled with before the first update."""
        return 0.0

    def faults(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what its options must do together, and what they do instead."""
        yield from ()

    def warnings(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield what in its options has no effect, and why."""
        yield from ()

    @abstractmethod
    def torch(self, s: Step) -> None:
        """Make an update in the torch engine. Semantics are torch.optim's where it has any."""

    @abstractmethod
    def reference(self, groups: Any, *, lr: float, options: Mapping[str, Any]) -> "TorchOptimizer":
        """Return torch.optim's optimizer of one network, or one of our own in its manner."""

    def kernel(self, flags: Flags) -> Kernel | None:
        """Return the form for the compiled kernel; None for none."""
        return None
