"""Decides which trials a statistic is of. Knows nothing of what is said of them.

A trial counts if the sweep file asks for it and it ended by itself: a rule was met, a limit came
first (it is censored: more training might yet meet the rule), or it diverged. A trial that failed
or was cancelled says nothing of its settings. One that only an older sweep file asked for is left
over.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.reports.recorded import Asked
from sweep.trial import Status, StopReason

CONVERGED = (StopReason.CONVERGED, StopReason.TARGET, StopReason.PATTERN)
"""Endings in which a rule was met."""
CENSORED = (StopReason.MAX_EPOCHS, StopReason.TIME)
"""Endings in which a limit came before any rule was met."""
COUNTED = (Status.FINISHED, Status.DIVERGED)
"""Statuses of the trials that count."""


@dataclass(frozen=True)
class Population:
    """The trials that statistics are of, and those left out.

    Attributes:
        trials: those that count. failed: those that failed, to be named.
        cancelled, left_over: how many were cancelled, and how many the sweep file does not ask for.
    """

    trials: pd.DataFrame
    failed: pd.DataFrame
    cancelled: int = 0
    left_over: int = 0

    @property
    def left_out(self) -> str:
        """A sentence on the trials that do not count, and why; empty where all do."""
        counts = {
            "failed": len(self.failed),
            "cancelled": self.cancelled,
            "that the sweep file no longer asks for": self.left_over,
        }
        told = [f"{count:,} {why}" for why, count in counts.items() if count]
        return f"Left out: {', '.join(told)}." if told else ""


def population_of(
    trials: pd.DataFrame, asked: Asked | None = None, *, by_path: bool = False
) -> Population:
    """Split a table into the trials that count and those that do not.

    Args:
        trials: the table, one row a trial, or one a path where they were judged anew.
        asked: what the sweep file asks for; None if that is not known, and all are as if asked for.
        by_path: whether a row is asked for if any trial on its path is.
    """
    wanted = _is_asked(trials, asked, by_path=by_path)
    ours = trials[wanted]
    return Population(
        trials=ours[ours["status"].isin(COUNTED)],
        failed=ours[ours["status"] == Status.FAILED],
        cancelled=int((ours["status"] == Status.CANCELLED).sum()),
        left_over=int((~wanted).sum()),
    )


def has_ended(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Return which trials met a rule, a limit or their epochs: final loss and epochs are theirs."""
    return trials["status"] == Status.FINISHED


def has_converged(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Return which trials met a rule."""
    return trials["stop_reason"].isin(CONVERGED)


def has_rule(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Return which trials had a stop rule to meet, and not a number of epochs to train."""
    return trials["fixed_epochs"].isna() & (trials["stop_reason"] != StopReason.EPOCHS)


def final_losses(trials: pd.DataFrame) -> "pd.Series[float]":
    """Return the final loss of each trial that ended with a finite one, nan of the others."""
    losses = trials["final_loss"].astype("float64")
    return losses.where(has_ended(trials) & np.isfinite(losses))


def _is_asked(trials: pd.DataFrame, asked: Asked | None, *, by_path: bool) -> "pd.Series[bool]":
    if asked is None:
        return pd.Series(True, trials.index)
    names = trials["path_id" if by_path else "trial_id"]
    numbers = np.fromiter((int(name, 16) for name in names), np.uint64, len(names))
    wanted = np.isin(numbers, asked.path_ids if by_path else asked.trial_ids)
    return pd.Series(wanted, trials.index)
