"""Decides which trials a statistic is of.

A trial counts if the sweep file asks for it and it ended by itself: a rule was met, a limit came
first (it is censored: more training might yet meet the rule), or it diverged. A trial that failed
or was cancelled says nothing of its settings. One that only an older sweep file asked for is left
over.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.planning.identities import identity_numbers
from sweep.reports.recorded import Asked, NotKnown
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
        missing: how many it asks for that have no row, of how many `asked`; 0 of 0 if not known.
        not_known: why it is not known what the sweep file asks for; empty if it is.
    """

    trials: pd.DataFrame
    failed: pd.DataFrame
    cancelled: int = 0
    left_over: int = 0
    missing: int = 0
    asked: int = 0
    not_known: str = ""

    @property
    def remarks(self) -> list[str]:
        """A sentence each on the trials that do not count, and on those that are not there yet."""
        counts = {
            "failed": len(self.failed),
            "cancelled": self.cancelled,
            "that the sweep file no longer asks for": self.left_over,
        }
        told = [f"{count:,} {why}" for why, count in counts.items() if count]
        remarks = [f"Left out: {', '.join(told)}."] if told else []
        if self.missing:
            remarks.append(
                f"Not trained yet: {self.missing:,} of the {self.asked:,} that the sweep file asks "
                "for; run the sweep again to go on."
            )
        if self.not_known:
            remarks.append(
                "All trials in the table are counted, as it is not known which of them the sweep "
                f"file still asks for ({self.not_known})."
            )
        return remarks


def population_of(
    trials: pd.DataFrame, asked: Asked | NotKnown | None = None, *, by_path: bool = False
) -> Population:
    """Split a table into the trials that count and those that do not.

    Args:
        trials: the table, one row a trial, or one a path where they were judged anew.
        asked: what the sweep file asks for; all are as if asked for where that is not known.
        by_path: whether a row is asked for if any trial on its path is.
    """
    wanted, missing, total = pd.Series(True, trials.index), 0, 0
    if isinstance(asked, Asked):
        names = trials["path_id" if by_path else "trial_id"]
        held = identity_numbers(names)
        identities = asked.path_ids if by_path else asked.trial_ids
        wanted = pd.Series(np.isin(held, identities), trials.index)
        missing, total = int((~np.isin(identities, held)).sum()), len(identities)
    ours = trials[wanted]
    return Population(
        trials=ours[ours["status"].isin(COUNTED)],
        failed=ours[ours["status"] == Status.FAILED],
        cancelled=int((ours["status"] == Status.CANCELLED).sum()),
        left_over=int((~wanted).sum()),
        missing=missing,
        asked=total,
        not_known=asked.reason if isinstance(asked, NotKnown) else "",
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
