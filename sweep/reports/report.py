"""Writes the report of a sweep in Markdown, with figures beside it. Knows nothing of training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweep.errors import StoreError
from sweep.reports.figures import PALETTE, draw_by_axis, draw_curves, sample_of, to_png
from sweep.reports.selection import varying_parameters
from sweep.reports.summary import Axis, axes_of, ranked, share_converged, summarise
from sweep.reports.tables import cells, escape, format_value, markdown_table
from sweep.store.files import write_atomically
from sweep.store.layout import ResultsDir
from sweep.store.reader import read_curves, read_trials
from sweep.store.remote import AnyPath
from sweep.trial import Status

MOST_RANKED = 10
MOST_FAILURES = 10
NAME = "report.md"


def write_report(directory: ResultsDir, output: AnyPath | None = None) -> AnyPath:
    """Write a report on the results in `directory`.

    Args:
        directory: results of a sweep.
        output: the file to write, `report/report.md` there if None. Its figures go beside it, into
            a folder named after it.

    Returns:
        The file written.

    Raises:
        StoreError: if there are no results, a file is damaged, or the report cannot be written.
    """
    path = output or directory.report / NAME
    trials = read_trials(directory.path)
    if trials.empty:
        raise StoreError(f"{directory.path}: must hold at least one trial to report on (got none)")
    axes = axes_of(trials)
    folder = path.with_name(f"{path.stem}_figures")
    figures = _write_figures(directory, trials, axes, folder)
    write_atomically(path, compose_report(trials, axes, figures).encode())
    return path


def compose_report(trials: pd.DataFrame, axes: Sequence[Axis], figures: dict[str, str]) -> str:
    """Return the text of a report.

    Args:
        trials: at least one.
        axes: what varies among them.
        figures: link of each figure by its name (curves, epochs, final_loss); may lack some.
    """
    sections = [
        _headline(trials),
        _stop_reasons(trials),
        _axes(trials, axes),
        _best_and_worst(trials),
        _figures(figures),
        _failures(trials),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _write_figures(
    directory: ResultsDir, trials: pd.DataFrame, axes: Sequence[Axis], folder: AnyPath
) -> dict[str, str]:
    sample = sample_of(trials)
    curves = read_curves(directory.path, list(sample["trial_id"]))
    drawn = {"curves": draw_curves(sample, curves, _colouring(trials, axes))} if len(curves) else {}
    if axes:
        drawn["epochs"] = draw_by_axis(trials, axes, "epochs", "epochs")
        drawn["final_loss"] = draw_by_axis(trials, axes, "final_loss", "final loss")
    for name, figure in drawn.items():
        write_atomically(folder / f"{name}.png", to_png(figure))
    return {name: f"{folder.name}/{name}.png" for name in drawn}


def _colouring(trials: pd.DataFrame, axes: Sequence[Axis]) -> Axis | None:
    """Return the first axis where all trials stopped for one reason, which then tells nothing."""
    few = [axis for axis in axes if len(axis.order) <= len(PALETTE)]
    return few[0] if few and trials["stop_reason"].nunique() == 1 else None


def _headline(trials: pd.DataFrame) -> str:
    names = ", ".join(sorted(set(trials["sweep"])))
    count = "1 trial" if len(trials) == 1 else f"{len(trials):,} trials"
    lines = [
        f"# Report on {escape(names)}",
        f"**{count}**, of which {_share(share_converged(trials))} met a stop rule. "
        f"{_count_bad(trials)}",
        f"Trained {int(trials['epochs'].sum()):,} epochs on {_hosts(trials)} "
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


def _count_bad(trials: pd.DataFrame) -> str:
    counts = {s: int((trials["status"] == s).sum()) for s in Status if s is not Status.FINISHED}
    told = [f"{count:,} {status}" for status, count in counts.items() if count]
    return f"{' and '.join(told)}." if told else "None diverged, failed or was cancelled."


def _hosts(trials: pd.DataFrame) -> str:
    hosts = sorted(set(trials["host"]))
    return escape(hosts[0]) if len(hosts) == 1 else f"{len(hosts)} hosts"


def _stop_reasons(trials: pd.DataFrame) -> str:
    counts = trials["stop_reason"].value_counts()
    rows = [[str(r), f"{n}", _share(n / len(trials))] for r, n in counts.items()]
    return "## Why trials stopped\n\n" + markdown_table(["stop_reason", "trials", "share"], rows)


def _axes(trials: pd.DataFrame, axes: Sequence[Axis]) -> str:
    if not axes:
        return ""
    parts = ["## By axis\n\nMedian and quartiles of the trials at each level."]
    for axis in axes:
        parts.append(f"### {axis.name}\n\n{_axis_table(summarise(trials, axis))}")
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


def _best_and_worst(trials: pd.DataFrame) -> str:
    order = ranked(trials)
    columns = ["trial_id", *varying_parameters(trials), "stop_reason", "epochs", "final_loss"]
    if len(order) <= 2 * MOST_RANKED:
        return _ranking("Trials from best to worst", order[columns])
    best, worst = order.head(MOST_RANKED), order.tail(MOST_RANKED).iloc[::-1]
    return "\n\n".join(
        [_ranking("Best trials", best[columns]), _ranking("Worst trials", worst[columns])]
    )


def _ranking(title: str, rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    note = "Finished trials by final loss."
    return f"## {title}\n\n{note}\n\n{markdown_table(list(rows.columns), cells(rows))}"


def _figures(links: dict[str, str]) -> str:
    titles = {
        "curves": "Loss by epoch",
        "epochs": "Epochs by axis",
        "final_loss": "Final loss by axis",
    }
    return "\n\n".join(f"## {titles[n]}\n\n![{titles[n]}](<{link}>)" for n, link in links.items())


def _failures(trials: pd.DataFrame) -> str:
    failed = trials[trials["status"] == Status.FAILED]
    if failed.empty:
        return ""
    rows = cells(failed[["trial_id", "error"]].head(MOST_FAILURES))
    more = len(failed) - len(rows)
    tail = f"\n\nand {more:,} more." if more else ""
    return f"## Failures\n\n{markdown_table(['trial_id', 'error'], rows)}{tail}"
