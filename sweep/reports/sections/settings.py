"""Writes which settings and trials are best."""

from itertools import starmap
from typing import Any

import numpy as np
import pandas as pd

from sweep.reports.groups import factors_of
from sweep.reports.objective import are_comparable, losses_of, objective_name, ranked
from sweep.reports.repeats import repeat_of
from sweep.reports.sections.registry import Context, section
from sweep.reports.settings import settings_of, telling_columns, with_intervals
from sweep.reports.statistics.intervals import Estimate, format_estimate
from sweep.reports.tables.text import Form, escape, format_table, named_values

MOST_RANKED = 10
FORM = ".4g"
HOW = (
    "Trials that differ in {alone} alone are a setting. Settings are ranked by the median "
    "{loss} over their seeds, where a trial that diverged counts as infinite; its interval is of "
    "95%, from order statistics, and there is none below six trials. The best of many settings "
    "looks better than it is: to compare two, train both with new seeds."
)
UNLIKE = " Losses of different data, or different loss functions, do not compare."


@section(40)
def settings_section(context: Context) -> str:
    """Write the best and the worst settings over seeds; trials, where no setting has two."""
    trials = context.trials
    every = settings_of(trials)
    if not (every["trials"] > 1).any():
        return _best_trials(trials)
    how = HOW.format(alone=repeat_of(trials).theirs, loss=objective_name(trials))
    how += "" if are_comparable(trials) else UNLIKE
    if len(every) <= 2 * MOST_RANKED:
        return f"## Settings from best to worst\n\n{how}\n\n{_table(every, trials)}"
    best, worst = every.head(MOST_RANKED), every.tail(MOST_RANKED).iloc[::-1]
    title = f"## Best settings\n\nOf {len(every):,}. {how}"
    return f"{title}\n\n{_table(best, trials)}\n\n## Worst settings\n\n{_table(worst, trials)}"


def best_setting(trials: pd.DataFrame) -> list[str]:
    """Name the setting with the least median loss, in one line; none where all have one trial."""
    every = settings_of(trials)
    names = factors_of(trials)
    if not names or not (every["trials"] > 1).any() or not np.isfinite(every["median"].iloc[0]):
        return []
    (row,) = with_intervals(every.head(1)).to_dict("records")
    told = named_values({name: row[name] for name in names})
    found = format_estimate(Estimate(row["median"], row["low"], row["high"]), FORM)
    return [
        f"Best setting, by its median {objective_name(trials)} over {row['trials']:,} trials: "
        f"**{found}**, {escape(told)}."
    ]


def _table(settings: pd.DataFrame, trials: pd.DataFrame) -> str:
    table = with_intervals(settings)
    shown = telling_columns(table, trials)
    columns: dict[str, Any] = {
        name: table[name] for name in (*factors_of(trials), "trials") if name in shown
    }
    for name in ("converged", "diverged"):
        columns |= {name: table[name].map("{:.0%}".format)} if name in shown else {}
    estimates = starmap(Estimate, table[["median", "low", "high"]].itertuples(index=False))
    columns[f"median {objective_name(trials)}"] = [format_estimate(e, FORM) for e in estimates]
    ends = table[["q1", "q3"]].itertuples(index=False)
    columns["quartiles"] = [f"{low:{FORM}} to {high:{FORM}}" for low, high in ends]
    columns |= {"mean": table["mean"], "best trial": trials["trial_id"].loc[table.index]}
    told = pd.DataFrame(columns, index=table.index)
    return format_table(told, Form.MARKDOWN)


def _best_trials(trials: pd.DataFrame) -> str:
    """Write the best and the worst trials."""
    order = ranked(trials)
    shown = order[["trial_id", *factors_of(trials), "stop_reason", "epochs", *losses_of(trials)]]
    if len(order) <= 2 * MOST_RANKED:
        return _ranking("Trials from best to worst", shown, trials)
    best, worst = shown.head(MOST_RANKED), shown.tail(MOST_RANKED).iloc[::-1]
    tables = [_ranking("Best trials", best, trials), _ranking("Worst trials", worst, trials)]
    return "\n\n".join(tables)


def _ranking(title: str, rows: pd.DataFrame, trials: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    note = f"Trials that did not diverge, by {objective_name(trials)}."
    return f"## {title}\n\n{note}\n\n{format_table(rows, Form.MARKDOWN)}"
