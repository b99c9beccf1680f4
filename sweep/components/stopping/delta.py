"""The delta rule."""

from typing import Any

from sweep.components.spec import count, positive
from sweep.components.stopping import Epoch, History, MonitoringRule, where


class Delta(MonitoringRule):
    """Stop once |L_t - L_(t-1)| has stayed below a tolerance; first judged in epoch 2."""

    name = "delta"
    counters = {"delta_count": 0}  # noqa: RUF012 -- read only
    threshold = "tolerance"
    ladder = "delta"
    misplaced = ("tolerance",)

    tolerance = positive("what the change of the loss must stay below")
    patience = count("for how many epochs in a row", default=1)

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        tolerance, patience = options
        (met,) = counters
        met = where(abs(epoch.change) < tolerance, met + 1, 0)
        return met >= patience, (met,)

    def comes_first(self, sooner: Any, later: Any) -> bool:
        return bool(sooner >= later)

    def counters_from(self, threshold: Any, history: History) -> tuple[float | int, ...] | None:
        if history.waited is not None:
            return (history.waited,)
        return None if abs(history.change) < threshold else (0,)
