"""Learning rate schedules: one file each. `Schedule` says what a file has to hold."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from sweep.components.spec import Component


class Schedule(Component, ABC):
    """How the learning rate changes from epoch to epoch, counted from 0.

    Its two options, if any, are `factor` and `period`.
    """

    @abstractmethod
    def rate(self, rate: float, epoch: int, *, factor: float, period: int) -> float:
        """Return the learning rate of an epoch, before the optimizer's decay."""

    @abstractmethod
    def kernel(self) -> Callable[..., Any]:
        """Return (rate, epoch, factor, period) to rate for the compiled kernel, float64 vectors."""


def power_in_kernel() -> Callable[..., Any]:
    from sweep.kernel import choose, exp, inlined, log

    @inlined
    def power(base: Any, exponent: Any) -> Any:
        return choose(exponent == 0.0, 1.0, exp(log(base) * exponent))

    return power
