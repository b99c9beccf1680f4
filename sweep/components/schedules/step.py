"""Decay in steps."""

from collections.abc import Callable
from typing import Any

from sweep.components.schedules import Schedule, power_in_kernel
from sweep.components.spec import count, positive
from sweep.elementary import power


class StepRate(Schedule):
    """learning rate * factor ** floor(epoch / period), epoch counted from 0."""

    name = "step"

    factor = positive("factor a period")
    period = count("period, epochs")

    def rate(self, rate: float, epoch: int, *, factor: float, period: int) -> float:
        return rate * power(factor, float(epoch // period))

    def kernel(self) -> Callable[..., Any]:
        from sweep.kernel import floor

        power_of = power_in_kernel()

        def step(rate: Any, epoch: Any, factor: Any, period: Any) -> Any:
            return rate * power_of(factor, floor(epoch / period))

        return step
