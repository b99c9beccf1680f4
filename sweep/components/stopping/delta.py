"""The delta rule."""

from typing import Any

import numpy as np

from sweep.components.spec import count, positive
from sweep.components.stopping import Epoch, StopRule


class Delta(StopRule):
    """Stop once |L_t - L_(t-1)| has stayed below a tolerance; first judged in epoch 2."""

    name = "delta"
    counters = {"delta_count": 0}  # noqa: RUF012 -- read only

    tolerance = positive("what the change of the loss must stay below")
    patience = count("for how many epochs in a row", default=1)

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        tolerance, patience = options
        (met,) = counters
        met = np.where(np.abs(epoch.change) < tolerance, met + 1, 0)
        return met >= patience, (met,)
