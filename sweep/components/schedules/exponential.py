"""Exponential decay."""

from collections.abc import Callable
from typing import Any

from sweep.components.schedules import Schedule, power_in_kernel
from sweep.components.spec import count, positive
from sweep.elementary import power


class ExponentialRate(Schedule):
    """learning rate * factor ** (epoch / period), epoch counted from 0."""

    name = "exponential"

    factor = positive("factor a period")
    period = count("period, epochs", default=1)

    def rate(self, rate: float, epoch: int, *, factor: float, period: int) -> float:
        return rate * power(factor, epoch / period)

    def kernel(self) -> Callable[..., Any]:
        power_of = power_in_kernel()

        def exponential(rate: Any, epoch: Any, factor: Any, period: Any) -> Any:
            return rate * power_of(factor, epoch / period)

        return exponential
