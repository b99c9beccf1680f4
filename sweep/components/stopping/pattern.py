"""The pattern rule: Fahlman 1988."""

from typing import Any

from sweep.components.spec import positive
from sweep.components.stopping import Epoch, StopRule


class Pattern(StopRule):
    """Stop once every output is near its target: 0.4 is Fahlman's (1988) 40-20-40 criterion."""

    name = "pattern"
    reason = "pattern"
    needs_outputs = True
    threshold = "margin"

    margin = positive("largest distance of any output from its target", default=0.4)

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        return epoch.worst_error <= options[0], counters

    def comes_first(self, sooner: Any, later: Any) -> bool:
        return bool(sooner >= later)
