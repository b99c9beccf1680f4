"""The target rule."""

from typing import Any

from sweep.components.spec import real
from sweep.components.stopping import Epoch, MonitoringRule


class Target(MonitoringRule):
    """Stop once the loss is low enough."""

    name = "target"
    reason = "target"
    threshold = "loss"
    ladder = "loss"

    loss = real("the loss to come down to")

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        return epoch.loss <= options[0], counters

    def comes_first(self, sooner: Any, later: Any) -> bool:
        return bool(sooner >= later)
