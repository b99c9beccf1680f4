"""Early stopping, as Keras has it."""

from typing import Any

import numpy as np

from sweep.components.spec import count, non_negative
from sweep.components.stopping import Epoch, StopRule


class EarlyStopping(StopRule):
    """Stop once the best loss of training has not improved for a while; the last weights are kept.

    The rule of Keras's EarlyStopping, which monitors the held-out loss unless told otherwise.
    """

    name = "early_stopping"
    counters = {"stall_best": float("inf"), "stall_count": 0}  # noqa: RUF012 -- read only

    min_delta = non_negative("what an improvement on the best loss must exceed", default=0.0)
    patience = count("epochs without an improvement")

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        min_delta, patience = options
        best, waited = counters
        better = epoch.loss < best - min_delta
        best = np.where(better, epoch.loss, best)
        waited = np.where(better, 0, waited + 1)
        return waited >= patience, (best, waited)
