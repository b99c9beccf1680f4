"""Marks trials that met their rule on a plateau."""

import numpy as np
import pandas as pd

from sweep.reports.axes import varying_parameters
from sweep.reports.population import final_losses
from sweep.trial import REPEATS, StopReason

COLUMN = "false_convergence"
ENDED = ("trial_id", "path_id", "status", "stop_reason", "epochs", "final_loss")
"""The columns that say it, beside what varies."""
ENDS = ["path_id", "epochs", "status", "final_loss"]
"""Those that say where a path ended."""
FALL = 10
"""How many times lower a loss must be to show that a trial had not converged."""


def mark_false_convergence(
    trials: pd.DataFrame, longer: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Add the column `false_convergence`: whether a rule of standing still was met too early.

    It was if the trial converged and the same trial with another seed, or the same path trained
    longer, ended below a tenth of its loss.

    Args:
        trials: the table of trials.
        longer: more trials along the same paths, such as those that a ladder was read from.
    """
    loss = final_losses(trials)
    elsewhere = loss.groupby(_cells(trials)).transform("min")
    ends = trials if longer is None else pd.concat([trials[ENDS], longer[ENDS]])
    later = _later(trials, ends)
    below = (np.fmin(elsewhere, later) < loss / FALL) & (loss > 0)
    return trials.assign(**{COLUMN: below & (trials["stop_reason"] == StopReason.CONVERGED)})


def _cells(trials: pd.DataFrame) -> "pd.Series[int]":
    """Number the trials that differ in their seeds alone alike."""
    names = [name for name in varying_parameters(trials) if name not in REPEATS]
    if not names:
        return pd.Series(0, index=trials.index)
    return trials.groupby(names, dropna=False, sort=False).ngroup()


def _later(trials: pd.DataFrame, ends: pd.DataFrame) -> "pd.Series[float]":
    """Return the least loss at which the path of each trial ends, there or later."""
    known = ends[["path_id", "epochs"]].assign(loss=final_losses(ends))
    known = known.sort_values("epochs", ascending=False, kind="stable")
    known["loss"] = known["loss"].fillna(np.inf).groupby(known["path_id"]).cummin()
    least = known.drop_duplicates(["path_id", "epochs"], keep="last")
    where = ["path_id", "epochs"]
    found = trials[where].merge(least[[*where, "loss"]], on=where, how="left")
    return found["loss"].set_axis(trials.index)
