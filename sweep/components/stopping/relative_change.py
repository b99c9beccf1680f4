"""The relative-change rule."""

from typing import Any

from sweep.components.spec import count, positive
from sweep.components.stopping import Epoch, MonitoringRule, where


class RelativeChange(MonitoringRule):
    """Stop once |L_t - L_(t-1)| has stayed within a share of |L_(t-1)|; first judged in epoch 2."""

    name = "relative_change"
    counters = {"relative_change_count": 0}  # noqa: RUF012 -- read only
    threshold = "tolerance"

    tolerance = positive("share of the loss before that its change must not exceed")
    patience = count("for how many epochs in a row", default=1)

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        tolerance, patience = options
        (met,) = counters
        met = where(abs(epoch.change) <= tolerance * abs(epoch.previous), met + 1, 0)
        return met >= patience, (met,)

    def comes_first(self, sooner: Any, later: Any) -> bool:
        return bool(sooner >= later)
