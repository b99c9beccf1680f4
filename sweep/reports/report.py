"""Writes the report of a sweep in Markdown, with figures beside it. Knows nothing of training."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.errors import StoreError
from sweep.ladder import Rung
from sweep.reports.comparison import comparison_section
from sweep.reports.context import Context, FigureFolder, Section
from sweep.reports.distances import distance_section
from sweep.reports.figures import PALETTE, draw_by_axis, draw_curves, last_phases, sample_of
from sweep.reports.gradients import gradients_section
from sweep.reports.groups import factors_of
from sweep.reports.identity import identity_section
from sweep.reports.judgements import false_convergence_section, rejudging_section
from sweep.reports.population import CENSORED, asked_for, has_ended, population_of
from sweep.reports.published import Published
from sweep.reports.rejudging import read_judged
from sweep.reports.stacking import stacking_section
from sweep.reports.summary import Axis, axes_of, ranked, share_converged, summarise
from sweep.reports.survival_section import survival_section
from sweep.reports.symmetry import symmetry_section
from sweep.reports.tables import cells, escape, format_value, markdown_table
from sweep.store.files import write_atomically
from sweep.store.layout import ResultsDir
from sweep.store.reader import read_curves
from sweep.store.remote import AnyPath
from sweep.trial import Status

MOST_RANKED = 10
MOST_FAILURES = 10
NAME = "report.md"
EPOCHS = ["epochs", "pretraining_epochs"]


def write_report(
    directory: ResultsDir,
    output: AnyPath | None = None,
    *,
    rung: Rung | None = None,
    against: Published | None = None,
) -> AnyPath:
    """Write a report on the results in `directory`.

    Args:
        directory: results of a sweep.
        output: the file to write, `report/report.md` there if None. Its figures go beside it, into
            a folder named after it.
        rung: the rule to judge by, in place of each trial's own; None for its own.
        against: published figures to hold ours against; None for none.

    Returns:
        The file written.

    Raises:
        ConfigError: if no trial matches the published figures.
        StoreError: if there are no results, a file is damaged, a ladder is wanted that was
            not kept, or the report cannot be written.
    """
    path = output or directory.report / NAME
    trials = read_judged(directory, rung)
    if trials.empty:
        raise StoreError(f"{directory.path}: must hold at least one trial to report on (got none)")
    population = population_of(trials, asked_for(directory), by_path=rung is not None)
    figures = FigureFolder(path.with_name(f"{path.stem}_figures"))
    telling = factors_of(population.trials)
    axes = [axis for axis in axes_of(population.trials) if axis.name in telling]
    context = Context(directory, population, axes, figures)
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
        f"**{count}**, of which {_share(share_converged(trials))} met a stop rule. "
        f"{_count_unmet(trials)}",
        *_left_out(context),
        f"Trained {int(trials[EPOCHS].sum().sum()):,} epochs on {_hosts(trials)} "
        f"between {format_value(trials['started'].min())} "
        f"and {format_value(trials['finished'].max())}.",
    ]
    best = ranked(trials)
    if len(best):
        row = best.iloc[0]
        lines.append(
            f"Least final loss: **{format_value(float(row['final_loss']))}**, "
            f"trial `{row['trial_id']}`, after {row['epochs']:,} epochs."
        )
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


def _hosts(trials: pd.DataFrame) -> str:
    hosts = sorted(set(trials["host"]))
    return escape(hosts[0]) if len(hosts) == 1 else f"{len(hosts)} hosts"


def _stop_reasons(context: Context) -> str:
    counts = context.trials["stop_reason"].value_counts()
    rows = [[str(r), f"{n}", _share(n / len(context.trials))] for r, n in counts.items()]
    return "## Why trials stopped\n\n" + markdown_table(["stop_reason", "trials", "share"], rows)


def _axes(context: Context) -> str:
    if not context.axes:
        return ""
    parts = ["## By axis\n\nMedian and quartiles of the trials at each level."]
    for axis in context.axes:
        parts.append(f"### {axis.name}\n\n{_axis_table(summarise(context.trials, axis))}")
    return "\n\n".join(parts)


def _axis_table(summary: pd.DataFrame) -> str:
    header = [str(summary.columns[0]), "trials", "converged", "epochs", "final loss"]
    rows = [
        [level, f"{n}", f"{share:.0%}", _spread(epochs, ",.0f"), _spread(loss, ".4g")]
        for level, n, share, *rest in summary.itertuples(index=False)
        for epochs, loss in [(rest[:3], rest[3:])]
    ]
    return markdown_table(header, rows)


def _spread(quartiles: Sequence[float], form: str) -> str:
    if np.isnan(quartiles[1]):
        return "-"
    lower, middle, upper = (format(value, form) for value in quartiles)
    return f"{middle} ({lower} to {upper})"


def _share(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")


def _best_and_worst(context: Context) -> str:
    trials = context.trials
    order = ranked(trials)
    columns = ["trial_id", *factors_of(trials), "stop_reason", "epochs", "final_loss"]
    if len(order) <= 2 * MOST_RANKED:
        return _ranking("Trials from best to worst", order[columns])
    best, worst = order.head(MOST_RANKED), order.tail(MOST_RANKED).iloc[::-1]
    return "\n\n".join(
        [_ranking("Best trials", best[columns]), _ranking("Worst trials", worst[columns])]
    )


def _ranking(title: str, rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    note = "Trials that did not diverge, by final loss."
    return f"## {title}\n\n{note}\n\n{markdown_table(list(rows.columns), cells(rows))}"


def _curves(context: Context) -> str:
    sample = sample_of(context.trials)
    curves = read_curves(context.directory.path, list(sample["trial_id"]))
    if curves.empty:
        return ""
    figure = draw_curves(sample, last_phases(curves), _colouring(context))
    return _figure(context, "curves", "Loss by epoch", figure)


def _colouring(context: Context) -> Axis | None:
    """Return the first axis where all trials stopped for one reason, which then tells nothing."""
    few = [axis for axis in context.axes if len(axis.order) <= len(PALETTE)]
    return few[0] if few and context.trials["stop_reason"].nunique() == 1 else None


def _epochs_by_axis(context: Context) -> str:
    return _by_axis(context, "epochs", "Epochs by axis")


def _loss_by_axis(context: Context) -> str:
    return _by_axis(context, "final_loss", "Final loss by axis")


def _by_axis(context: Context, column: str, title: str) -> str:
    if not context.axes:
        return ""
    ended = context.trials[column].where(has_ended(context.trials))
    figure = draw_by_axis(ended, context.axes, column.replace("_", " "))
    return _figure(context, column, title, figure)


def _figure(context: Context, name: str, title: str, figure: Figure) -> str:
    return f"## {title}\n\n{context.figures.show(name, title, figure)}"


def _failures(context: Context) -> str:
    failed = context.population.failed
    if failed.empty:
        return ""
    rows = cells(failed[["trial_id", "error"]].head(MOST_FAILURES))
    more = len(failed) - len(rows)
    tail = f"\n\nand {more:,} more." if more else ""
    return f"## Failures\n\n{markdown_table(['trial_id', 'error'], rows)}{tail}"


SECTIONS: tuple[Section, ...] = (
    _headline,
    _stop_reasons,
    _axes,
    _best_and_worst,
    _curves,
    _epochs_by_axis,
    _loss_by_axis,
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
