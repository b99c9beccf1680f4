"""Cosine annealing: Loshchilov and Hutter 2016, without restarts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sweep.components.schedules import Schedule
from sweep.components.spec import count, non_negative
from sweep.elementary import sine_and_cosine


class CosineRate(Schedule):
    """Half a cosine from the learning rate down to a share of it, which then stays."""

    name = "cosine"

    factor = non_negative("share of the rate at the end", default=0.0)
    period = count("epochs until the end")

    def rate(self, rate: float, epoch: int, *, factor: float, period: int) -> float:
        _, cosine = sine_and_cosine(np.array([min(epoch / period, 1.0) / 2]))
        return rate * (factor + (1 - factor) * (1 + float(cosine[0])) / 2)

    def kernel(self) -> Callable[..., Any]:
        from sweep.kernel import choose, cospi

        def cosine(rate: Any, epoch: Any, factor: Any, period: Any) -> Any:
            progress = epoch / period
            share = (cospi(choose(progress > 1.0, 1.0, progress)) + 1.0) * 0.5
            return rate * (factor + (1.0 - factor) * share)

        return cosine
