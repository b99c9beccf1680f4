"""No schedule."""

from collections.abc import Callable
from typing import Any

from sweep.components.schedules import Schedule


class ConstantRate(Schedule):
    """The learning rate as it is."""

    name = "constant"

    def rate(self, rate: float, epoch: int, *, factor: float, period: int) -> float:
        return rate

    def kernel(self) -> Callable[..., Any]:
        def constant(rate: Any, epoch: Any, factor: Any, period: Any) -> Any:
            return rate

        return constant
