"""Decides which loss ranks trials: the held-out one wherever there is one.

All that ranks, tabulates or draws how good a trial is asks here, so that no two places differ.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweep.reports.population import has_ended
from sweep.trial import SAME_LOSS, SPLIT

HELD_OUT, TRAINED = "validation_loss", "final_loss"
NAMES = {HELD_OUT: "held-out loss", TRAINED: "final loss"}


def objective_of(trials: pd.DataFrame) -> "pd.Series[float]":
    """Return the loss that ranks each trial, nan where it is not known.

    It is `validation_loss` for data whose finished trials all have one, else `final_loss`: trials
    on the same data are never compared by two kinds of loss, as when a ladder tells the loss of
    some at an earlier epoch and says nothing of held-out samples.
    """
    held, final = (trials[name].astype("float64") for name in (HELD_OUT, TRAINED))
    return held.where(_has_held_out(trials), final)


def objective_name(trials: pd.DataFrame) -> str:
    """Return what to call the loss that ranks these trials."""
    by_held_out = _has_held_out(trials)
    if by_held_out.all() and len(trials):
        return NAMES[HELD_OUT]
    return "held-out or final loss" if by_held_out.any() else NAMES[TRAINED]


def are_comparable(trials: pd.DataFrame) -> bool:
    """Return whether losses are of one loss function and one data set, however it was split."""
    scales = trials[list(SAME_LOSS)]
    if SPLIT not in trials.columns or trials[SPLIT].nunique(dropna=False) < 2:
        return not (scales.nunique() > 1).any()
    if "dataset" in trials.columns and trials["dataset"].nunique() > 1:
        return False
    return not (scales.groupby(trials[SPLIT], dropna=False).nunique() > 1).any(axis=None)


def losses_of(trials: pd.DataFrame) -> Sequence[str]:
    """Return the columns of losses to show: the held-out one first, where any trial has it."""
    known = HELD_OUT in trials.columns and bool(trials[HELD_OUT].notna().any())
    return (HELD_OUT, TRAINED) if known else (TRAINED,)


def ranked(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the finished trials whose loss is known, the least first and the faster of equals."""
    loss = objective_of(trials)
    keys = pd.DataFrame({"loss": loss, "epochs": trials["epochs"]})  # all columns take more memory
    known = keys[has_ended(trials) & np.isfinite(loss)]
    return trials.loc[known.sort_values(["loss", "epochs"], kind="stable").index]


def _has_held_out(trials: pd.DataFrame) -> "pd.Series[bool]":
    """Return which trials are on data that have held-out losses throughout."""
    held = trials[HELD_OUT].notna()
    finished = has_ended(trials) & trials[TRAINED].notna()
    data = trials["data_fingerprint"]
    lacking = (finished & ~held).groupby(data).transform("any")
    return held.groupby(data).transform("any") & ~lacking
