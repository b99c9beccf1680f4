"""Chooses what to show of a plan once it has run: its best settings. Knows nothing of how."""

import pandas as pd

from sweep.reports.groups import factors_of
from sweep.reports.objective import losses_of, objective_name, ranked
from sweep.reports.settings import best_settings, telling_columns

INTERVAL = ("low", "high")
"""Columns that are left to the report."""


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
    told = [name for name in telling_columns(best, trials) if name not in INTERVAL]
    best.insert(0, "trial_id", trials["trial_id"].loc[best.index])
    title = f"best {len(best):,} of {settings:,} settings over their seeds, by median {by}"
    return f"{title}; trial_id is the best of each", best[["trial_id", *told]]
