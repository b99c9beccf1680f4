"""Writes the report of a sweep in Markdown, with figures beside it. Knows nothing of training."""

from collections.abc import Iterable, Sequence

import pandas as pd

from sweep.errors import ConfigError, Fault, StoreError
from sweep.ladder import Rung
from sweep.reports.axes_section import (
    axes_section,
    curves_section,
    epochs_section,
    find_axes,
    heatmap_section,
    loss_section,
)
from sweep.reports.comparison import comparison_section
from sweep.reports.context import Context, FigureFolder, Section
from sweep.reports.distances import distance_section
from sweep.reports.gradients import gradients_section
from sweep.reports.groups import factors_of
from sweep.reports.identity import identity_section
from sweep.reports.judgements import false_convergence_section, rejudging_section
from sweep.reports.objective import objective_name, objective_of, ranked
from sweep.reports.population import CENSORED, asked_for, has_converged, has_rule, population_of
from sweep.reports.published import Published
from sweep.reports.rejudging import read_judged
from sweep.reports.settings_section import best_setting, settings_section
from sweep.reports.stacking import stacking_section
from sweep.reports.summary import axes_of
from sweep.reports.survival_section import survival_section
from sweep.reports.symmetry import symmetry_section
from sweep.reports.tables import cells, escape, format_value, markdown_table
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.places.remote import AnyPath
from sweep.trial import Status, StopReason

MOST_FAILURES = 10
NAME = "report.md"
SUFFIXES = (".md", ".markdown")
EPOCHS = ["epochs", "pretraining_epochs"]


def write_report(
    directory: ResultsDir,
    output: AnyPath | None = None,
    *,
    rung: Rung | None = None,
    against: Published | None = None,
    by: Sequence[str] = (),
) -> AnyPath:
    """Write a report on the results in `directory`.

    Args:
        directory: results of a sweep.
        output: the file to write, `report/report.md` there if None. Its figures go beside it, into
            a folder named after it.
        rung: the rule to judge by, in place of each trial's own; None for its own.
        against: published figures to hold ours against; None for none.
        by: parameters to show by, at most two: the first colours the curves, and two are crossed.

    Returns:
        The file written.

    Raises:
        ConfigError: if no trial matches the published figures, `by` names what does not vary, or
            `output` is no Markdown file.
        StoreError: if there are no results, a file is damaged, a ladder is wanted that was
            not kept, or the report cannot be written.
    """
    path = output or directory.report / NAME
    if not path.name.lower().endswith(SUFFIXES):
        raise _not_markdown(path)
    trials = read_judged(directory, rung)
    if trials.empty:
        raise StoreError(f"{directory.path}: must hold at least one trial to report on (got none)")
    population = population_of(trials, asked_for(directory), by_path=rung is not None)
    figures = FigureFolder(path.with_name(f"{path.stem}_figures"))
    telling = factors_of(population.trials)
    every = axes_of(population.trials)
    axes = [axis for axis in every if axis.name in telling]
    context = Context(directory, population, axes, figures, find_axes(every, by))
    first, *others = SECTIONS if len(population.trials) else (_nothing, _failures)
    asked = [rejudging_section(rung)] if rung else []
    asked += [comparison_section(against)] if against else []
    write_atomically(path, compose_report(context, [first, *asked, *others]).encode())
    return path


def compose_report(context: Context, sections: Iterable[Section]) -> str:
    """Return the text of a report: the sections that have something to say, in turn."""
    texts = [section(context) for section in sections]
    return "\n\n".join(text for text in texts if text) + "\n"


def _headline(context: Context) -> str:
    trials = context.trials
    names = ", ".join(sorted(set(trials["sweep"])))
    count = "1 trial" if len(trials) == 1 else f"{len(trials):,} trials"
    lines = [
        f"# Report on {escape(names)}",
        f"**{count}**, of which {_endings(trials)}. {_count_unmet(trials)}",
        *_left_out(context),
        f"Trained {int(trials[EPOCHS].sum().sum()):,} epochs on {_hosts(trials)} "
        f"between {format_value(trials['started'].min())} "
        f"and {format_value(trials['finished'].max())}.",
        *_least_loss(trials),
        *best_setting(trials),
    ]
    return "\n\n".join(lines)


def _nothing(context: Context) -> str:
    """Write what there is to say where no trial counts."""
    title = f"# Report on {escape(context.directory.path.name)}"
    return "\n\n".join([title, "No trial to report on.", *_left_out(context)])


def _left_out(context: Context) -> list[str]:
    said = context.population.left_out
    return [said] if said else []


def _count_unmet(trials: pd.DataFrame) -> str:
    limited = int(trials["stop_reason"].isin(CENSORED).sum())
    diverged = int((trials["status"] == Status.DIVERGED).sum())
    counts = {"came to a limit first": limited, "diverged": diverged}
    told = [f"{count:,} {ending}" for ending, count in counts.items() if count]
    return f"{' and '.join(told)}." if told else "None diverged."


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
        f"after {row['epochs']:,} epochs."
    ]


def _hosts(trials: pd.DataFrame) -> str:
    hosts = sorted(set(trials["host"]))
    return escape(hosts[0]) if len(hosts) == 1 else f"{len(hosts)} hosts"


def _stop_reasons(context: Context) -> str:
    counts = context.trials["stop_reason"].value_counts()
    if len(counts) < 2:
        return ""
    rows = [[str(r), f"{n}", _share(n / len(context.trials))] for r, n in counts.items()]
    return "## Why trials stopped\n\n" + markdown_table(["stop_reason", "trials", "share"], rows)


def _share(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")


def _failures(context: Context) -> str:
    failed = context.population.failed
    if failed.empty:
        return ""
    rows = cells(failed[["trial_id", "error"]].head(MOST_FAILURES))
    more = len(failed) - len(rows)
    tail = f"\n\nand {more:,} more." if more else ""
    return f"## Failures\n\n{markdown_table(['trial_id', 'error'], rows)}{tail}"


def _not_markdown(path: AnyPath) -> ConfigError:
    must = f"end in {' or '.join(SUFFIXES)}: the report is written in Markdown, its figures as PNG"
    return ConfigError([Fault(where="--output", key="", must=must, got=repr(path.name))])


SECTIONS: tuple[Section, ...] = (
    _headline,
    _stop_reasons,
    settings_section,
    axes_section,
    curves_section,
    epochs_section,
    loss_section,
    heatmap_section,
    gradients_section,
    symmetry_section,
    identity_section,
    stacking_section,
    survival_section,
    distance_section,
    false_convergence_section,
    _failures,
)
"""The sections of every report, in order."""
