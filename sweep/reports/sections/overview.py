"""The sections that open and close a report: how many trials, how they ended, which failed."""

import pandas as pd

from sweep.printable import counted
from sweep.reports.objective import objective_name, objective_of, ranked
from sweep.reports.population import CENSORED, has_converged, has_rule
from sweep.reports.sections.registry import Context, section
from sweep.reports.sections.settings import best_setting
from sweep.reports.tables.text import (
    Form,
    escape,
    format_table,
    format_value,
    markdown_table,
    rest,
)
from sweep.trial import Status, StopReason

MOST_FAILURES = 10
EPOCHS = ["epochs", "pretraining_epochs"]


@section(
    0,
    columns=("sweep", *EPOCHS, "host", "started", "finished", "weights_epoch"),
    without_trials=True,
)
def overview_section(context: Context) -> str:
    """Write the title and the most important numbers."""
    trials, remarks = context.trials, map(escape, context.population.remarks)
    if trials.empty:
        title = f"# Report on {escape(context.directory.path.name)}"
        return "\n\n".join([title, "No trial to report on.", *remarks])
    names = ", ".join(sorted(trials["sweep"].unique()))
    count = counted(len(trials), "trial")
    lines = [
        f"# Report on {escape(names)}",
        f"**{count}**, of which {_endings(trials)}. {_count_unmet(trials)}",
        *remarks,
        f"Trained {int(trials[EPOCHS].sum().sum()):,} epochs on {_hosts(trials)} "
        f"between {format_value(trials['started'].min())} "
        f"and {format_value(trials['finished'].max())}.",
        *_least_loss(trials),
        *best_setting(trials),
    ]
    return "\n\n".join(lines)


@section(30)
def stop_reasons_section(context: Context) -> str:
    """Count the reasons for which trials stopped; nothing where there is but one."""
    counts = context.trials["stop_reason"].value_counts()
    counts = counts[counts > 0]
    if len(counts) < 2:
        return ""
    rows = [[str(r), f"{n}", _share(n / len(context.trials))] for r, n in counts.items()]
    return "## Why trials stopped\n\n" + markdown_table(["stop_reason", "trials", "share"], rows)


@section(170, columns=("error",), without_trials=True)
def failures_section(context: Context) -> str:
    """List the first errors; nothing where no trial failed."""
    failed = context.population.failed
    if failed.empty:
        return ""
    shown = failed[["trial_id", "error"]].head(MOST_FAILURES)
    table = [format_table(shown, Form.MARKDOWN), *rest(len(failed), len(shown))]
    return "\n\n".join(["## Failures", *table])


def _count_unmet(trials: pd.DataFrame) -> str:
    censored = trials["stop_reason"].isin(CENSORED)
    pruned = trials["status"] == Status.PRUNED
    diverged = int((trials["status"] == Status.DIVERGED).sum())
    counts = {
        "reached a limit first": int((censored & ~pruned).sum()),
        "were pruned": int(pruned.sum()),
        "diverged": diverged,
    }
    told = [f"{count:,} {ending}" for ending, count in counts.items() if count]
    if len(told) < 2:
        return f"{told[0]}." if told else "None diverged."
    return f"{', '.join(told[:-1])} and {told[-1]}."


def _endings(trials: pd.DataFrame) -> str:
    """Say how many met a rule, and how many trained the epochs asked for, whichever there are."""
    reasons = trials["stop_reason"]
    shares = {
        "met a stop rule": float(has_converged(trials).mean()),
        "trained the epochs asked for": float((reasons == StopReason.EPOCHS).mean()),
    }
    asked = not has_rule(trials).any()
    told = [f"{_share(share)} {did}" for did, share in shares.items() if share]
    return " and ".join(told) or f"{_share(0)} {list(shares)[asked]}"


def _least_loss(trials: pd.DataFrame) -> list[str]:
    best = ranked(trials)
    if best.empty:
        return []
    row = best.iloc[0]
    loss = format_value(float(objective_of(trials)[best.index[0]]))
    return [
        f"Least {objective_name(trials)}: **{loss}**, trial `{row['trial_id']}`, "
        f"after {_trained(row)}."
    ]


def _hosts(trials: pd.DataFrame) -> str:
    hosts = sorted(trials["host"].unique())
    return escape(hosts[0]) if len(hosts) == 1 else f"{len(hosts)} hosts"


def _share(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")


def _trained(row: pd.Series) -> str:
    """Say how long the weights of a trial were trained, and the trial if longer."""
    epochs, kept = row["epochs"], row["weights_epoch"]
    if pd.isna(kept) or kept == epochs:
        return f"{epochs:,} epochs"
    return f"{kept:,} of {epochs:,} epochs"
