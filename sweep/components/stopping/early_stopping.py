"""Early stopping, as Keras has it."""

from typing import Any

from sweep.components.spec import count, non_negative
from sweep.components.stopping import Epoch, History, MonitoringRule, where


class EarlyStopping(MonitoringRule):
    """Stop once the best loss has not improved for a while; `restore` says which weights are kept.

    The rule of Keras's EarlyStopping, which monitors the held-out loss unless told otherwise.
    """

    name = "early_stopping"
    counters = {"stall_best": float("inf"), "stall_count": 0}  # noqa: RUF012 -- read only
    threshold = "min_delta"
    ladder = "early_stopping"
    misplaced = ("min_delta", "patience")

    min_delta = non_negative("what an improvement on the best loss must exceed", default=0.0)
    patience = count("epochs without an improvement")

    @staticmethod
    def judge(epoch: Epoch, options: Any, counters: Any) -> Any:
        min_delta, patience = options
        best, waited = counters
        better = epoch.loss < best - min_delta
        best = where(better, epoch.loss, best)
        waited = where(better, 0, waited + 1)
        return waited >= patience, (best, waited)

    def comes_first(self, sooner: Any, later: Any) -> bool:
        """At two thresholds other than 0, bests are renewed at different epochs."""
        return later in (0.0, sooner)

    def counters_from(self, threshold: Any, history: History) -> tuple[float | int, ...] | None:
        if threshold == 0.0:
            return history.best_loss, history.epoch - history.best_epoch
        return None if history.waited is None else (history.best, history.waited)
