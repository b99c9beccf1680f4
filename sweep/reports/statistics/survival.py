"""Estimates how many epochs trials take to meet their rule, those that have not met it included.

A trial that ended before its rule was met has told only that it takes longer: it is censored at its
last epoch, and the share of trials that have not met theirs by an epoch is estimated as Kaplan and
Meier (1958) do. One that diverged never will, and is censored at the largest epoch of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import CensoredData, ecdf

from sweep.reports.false_convergence import COLUMN
from sweep.reports.groups import factors_of
from sweep.reports.population import has_converged, has_rule, where
from sweep.reports.statistics.intervals import Share
from sweep.trial import Status

FEWEST_SEEDS = 5
QUARTILES = (0.25, 0.5, 0.75)
ROUNDING = 1e-12


@dataclass(frozen=True)
class Survival:
    """Epochs to convergence of trials that differ in their seeds alone.

    Attributes:
        values: of each parameter that varies between settings, its own.
        converged: how many met their rule, of how many.
        falsely: how many of these met it on a plateau.
        quartiles: epochs by which a quarter, half and three quarters have converged; nan where the
            estimate does not come so far.
        epochs: ascending, at which `pending` falls or trials are censored.
        pending: estimated share that has not converged after that epoch, 0 to 1.
    """

    values: tuple[object, ...]
    converged: Share
    falsely: int
    quartiles: tuple[float, float, float]
    epochs: Float[np.ndarray, " points"]
    pending: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Survivals:
    """The settings of a table: those that converged most often first, the quicker of equals.

    Attributes:
        parameters: that vary between settings.
        settings: the first of them.
        n_settings: how many there are in all.
    """

    parameters: tuple[str, ...]
    settings: Sequence[Survival]
    n_settings: int


def survivals(trials: pd.DataFrame, most: int) -> Survivals:
    """Estimate the survival of each setting with at least `FEWEST_SEEDS` trials.

    Args:
        trials: those that count, false convergence marked; those that were to train a number of
            epochs had no rule to meet, and are left out.
        most: settings to estimate, at most.
    """
    trials = where(trials, has_rule(trials))
    names = factors_of(trials)
    outcomes = outcomes_of(trials)
    setting = _number_settings(trials, names)
    grouped = outcomes.groupby(setting)
    table = grouped.agg(
        trials=("converged", "size"), share=("converged", "mean"), middle=("rank", "median")
    )
    table = table[table["trials"] >= FEWEST_SEEDS]
    order = table.sort_values(["share", "middle"], ascending=[False, True], kind="stable").index
    found = []
    for number in order[:most]:
        members = outcomes[setting == number]
        values = tuple(trials.loc[members.index[0], names])
        found.append(estimate_survival(members, values))
    return Survivals(tuple(names), found, len(order))


def estimate_survival(outcomes: pd.DataFrame, values: tuple[object, ...] = ()) -> Survival:
    """Estimate the survival of one setting.

    Args:
        outcomes: of each trial `epochs`, at which it converged or was censored; `converged`, which
            of the two; `falsely`, whether on a plateau.
        values: of the setting.
    """
    met, epochs = outcomes["converged"], outcomes["epochs"]
    data = CensoredData(uncensored=epochs[met].to_numpy(), right=epochs[~met].to_numpy())
    curve = ecdf(data).sf
    lower, middle, upper = (_reached(curve.quantiles, curve.probabilities, q) for q in QUARTILES)
    return Survival(
        values=values,
        converged=Share.of(met),
        falsely=int(outcomes["falsely"].sum()),
        quartiles=(lower, middle, upper),
        epochs=np.asarray(curve.quantiles, np.float64),
        pending=np.asarray(curve.probabilities, np.float64),
    )


def _number_settings(trials: pd.DataFrame, names: list[str]) -> "pd.Series[int]":
    """Return the number of each trial's setting, in the order in which they first appear."""
    if not names:
        return pd.Series(0, trials.index)
    return trials.groupby(names, dropna=False, sort=False).ngroup()


def outcomes_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return what `estimate_survival` takes of each trial, and a `rank` with the censored last."""
    met = has_converged(trials)
    epochs = trials["epochs"].astype("float64")
    never = trials["status"] == Status.DIVERGED
    epochs = epochs.mask(never, epochs.max())
    rank = epochs.where(met, np.inf)
    falsely = trials[COLUMN]
    return pd.DataFrame({"epochs": epochs, "converged": met, "falsely": falsely, "rank": rank})


def _reached(
    epochs: Float[np.ndarray, " points"], pending: Float[np.ndarray, " points"], share: float
) -> float:
    """Return the first epoch after which at least `share` are solved; nan if none."""
    there = np.flatnonzero(pending <= 1 - share + ROUNDING)
    return float(epochs[there[0]]) if len(there) else float("nan")
