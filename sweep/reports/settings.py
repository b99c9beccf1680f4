"""Aggregates trials that differ in their seed alone, and ranks these settings."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64

from sweep.reports.axes import QUARTILES
from sweep.reports.groups import factors_of
from sweep.reports.objective import losses_of, objective_name, objective_of, ranked
from sweep.reports.population import has_converged, has_ended
from sweep.reports.statistics.orders import median
from sweep.trial import Status, StopReason

STATISTICS = ("trials", "converged", "diverged", "median", "q1", "q3", "mean")
"""Columns of `best_settings` beside the parameters, those from `median` on of the loss."""
UNTELLING = {"converged": 1.0, "diverged": 0.0}
"""Shares that go without saying where all settings have them."""
INTERVAL = ("low", "high")
"""Columns of `with_intervals`, for reports alone: what finds them takes long to import."""
SETTING, LOSS, FINITE = "setting", "loss_or_inf", "finite_loss"

Losses = Float64[np.ndarray, " trials"]


def best_settings(trials: pd.DataFrame, *, most: int | None = None) -> pd.DataFrame:
    """Rank settings, all that varies but the seed, by the median loss over their seeds.

    Returns:
        A row a setting, the least median first: a column for each parameter that varies, then
        `trials`, their number; `converged` and `diverged`, shares of them, 0 to 1; of the loss that
        `objective_of` names its `median`, its quartiles `q1` and `q3`, and `mean`, of the finite
        ones alone. The index is that of the best trial of the setting.
    """
    table = settings_of(trials)
    return (table if most is None else table.head(most))[[*factors_of(trials), *STATISTICS]]


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Return settings with the exact intervals of their medians, from their `losses`.

    They are of 95%, `low` to `high`, nan below six trials, where there is none.
    """
    intervals = np.array([_interval_of_median(losses) for losses in table["losses"]])
    low, high = intervals.reshape(-1, 2).T
    return table.assign(low=low, high=high)


def settings_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return `best_settings` of all, with the `losses` of each, ascending."""
    names = factors_of(trials)
    known = _by_setting(trials, names)
    cells = known.groupby(SETTING)
    table = cells.head(1)[names].assign(
        trials=cells.size().to_numpy(),
        converged=_shares(known, has_converged(known)),
        diverged=_shares(known, known["status"] == Status.DIVERGED),
        mean=cells[FINITE].mean().to_numpy(),
    )
    quartiles = {name: _quantiles(cells[LOSS], share) for name, share in QUARTILES.items()}
    losses = np.split(known[LOSS].to_numpy(np.float64), np.cumsum(table["trials"])[:-1])
    split = pd.Series(losses[: len(table)], table.index, dtype=object)
    table = table.assign(**quartiles, losses=split)
    return table.sort_values(["median", "mean"], kind="stable")


def best_rows(trials: pd.DataFrame, *, most: int) -> tuple[str, pd.DataFrame]:
    """Return the best settings over their seeds, or the best trials where each has one seed.

    Args:
        trials: the rows that count.
        most: rows to return.

    Returns:
        A title, and a row a setting: the identity of its best trial, what varies but the seed, how
        many trials, and the median, quartiles and mean of their loss.
    """
    factors = factors_of(trials)
    by = objective_name(trials)
    settings = trials.groupby(factors, dropna=False).ngroups if factors else 1
    if settings == len(trials):
        order = ranked(trials)
        columns = ["trial_id", *factors, "stop_reason", "epochs", *losses_of(trials)]
        shown = order[columns].head(most)
        return f"best {len(shown):,} of {len(trials):,} trials, by {by}", shown
    best = best_settings(trials, most=most)
    told = telling_columns(best, trials)
    best.insert(0, "trial_id", trials["trial_id"].loc[best.index])
    title = f"best {len(best):,} of {settings:,} settings over their seeds, by median {by}"
    return f"{title}; trial_id is the best of each", best[["trial_id", *told]]


def telling_columns(table: pd.DataFrame, trials: pd.DataFrame) -> list[str]:
    """Return the columns of `best_settings` that tell something of these settings.

    Intervals do where any is known, quartiles and means where any setting has several trials,
    shares where they are not all as they should be; that of `converged` not where none had a rule.
    """
    dull = {name for name, usual in UNTELLING.items() if (table[name] == usual).all()}
    if not has_converged(trials).any():
        asked = trials["stop_reason"] == StopReason.EPOCHS
        dull |= {"converged"} if asked.any() else set()
    dull |= {name for name in INTERVAL if name in table and table[name].isna().all()}
    dull |= {"trials", "q1", "q3", "mean"} if (table["trials"] == 1).all() else set()
    return [name for name in table.columns if name not in dull]


def _by_setting(trials: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return the trials that ended by themselves, those of a setting together, the best first."""
    loss = objective_of(trials)
    diverged = trials["status"] == Status.DIVERGED
    loss = loss.mask(diverged | np.isinf(loss), np.inf)
    ended = (has_ended(trials) | diverged) & loss.notna()
    setting = trials.groupby(names, dropna=False).ngroup() if names else 0
    finite = loss.where(np.isfinite(loss))
    columns = trials[[*names, "status", "stop_reason"]]
    known = columns.assign(**{SETTING: setting, LOSS: loss, FINITE: finite})[ended]
    return known.sort_values([SETTING, LOSS], kind="stable")


def _shares(known: pd.DataFrame, holds: "pd.Series[bool]") -> np.ndarray:
    return holds.groupby(known[SETTING]).mean().to_numpy(np.float64)


def _quantiles(losses: Any, share: float) -> np.ndarray:
    """Return a quantile of the losses of each setting; infinite where it is next to one."""
    low, high = (losses.quantile(share, interpolation=s).to_numpy() for s in ("lower", "higher"))
    part = (losses.size().to_numpy() - 1) * share % 1
    with np.errstate(invalid="ignore"):  # 0 of infinity, where both are infinite
        return np.asarray(np.where(low == high, low, low * (1 - part) + high * part))


def _interval_of_median(losses: Losses) -> tuple[float, float]:
    """Return the exact interval of a median, from order statistics; nan where there are too few."""
    with np.errstate(invalid="ignore"):  # a median between infinite losses, which is not asked for
        found = median(losses)
    return found.low, found.high
