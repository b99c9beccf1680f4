"""Writes what the levels of each axis do."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.reports.axes import MOST_BY, Axis, epochs_taken, summarise
from sweep.reports.figures.curves import (
    MOST_CURVES,
    draw_by_axis,
    draw_curves,
    evenly_spread,
    last_phases,
)
from sweep.reports.figures.heatmap import draw_heatmap
from sweep.reports.objective import NAMES, losses_of, objective_name, objective_of
from sweep.reports.population import has_ended, has_rule
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.effects import best_quarters, crossed
from sweep.reports.statistics.intervals import Estimate, format_estimate
from sweep.reports.tables.text import escape, format_number, markdown_table
from sweep.store.tables.reader import read_curves

INTRO = "Median and quartiles of the trials at each level."
QUARTERS = (
    " The best quarter is the median over the quarter of the settings at the level with the least "
    "{loss}, each the median over its seeds: what the level does where the rest is well chosen."
)


@section(50)
def axes_section(context: Context) -> str:
    """Write a table for each axis: what its levels took and came to."""
    if not context.axes:
        return ""
    quarters = best_quarters(context.trials, context.axes)
    told = any(quarters.values())
    intro = INTRO + (QUARTERS.format(loss=objective_name(context.trials)) if told else "")
    parts = [f"## By axis\n\n{intro}"]
    for axis in context.axes:
        table = _axis_table(context.trials, axis, quarters[axis.name])
        parts.append(f"### {axis.name}\n\n{table}")
    return "\n\n".join(parts)


@section(60)
def curves_section(context: Context) -> str:
    """Draw the losses by epoch, coloured by what was asked for, or the first axis."""
    sample = context.trials.iloc[evenly_spread(len(context.trials), MOST_CURVES)]
    curves = read_curves(context.directory.path, list(sample["trial_id"]))
    if curves.empty:
        return ""
    colouring = [*context.by, *context.axes][:1]
    figure = draw_curves(sample, last_phases(curves), *colouring)
    return _figure(context, "curves", "Loss by epoch", figure)


@section(70)
def epochs_section(context: Context) -> str:
    """Draw the epochs taken at each level; nothing where they were asked for, or are all alike."""
    return _by_axis(context, epochs_taken(context.trials), "epochs", {})


@section(80)
def loss_section(context: Context) -> str:
    """Draw the loss that ranks at each level; nothing where it is the same everywhere."""
    trials = context.trials
    name = objective_name(trials)
    loss = objective_of(trials).where(has_ended(trials))
    marks = best_quarters(trials, context.axes)
    shown = _by_axis(context, loss, name, marks)
    told = shown and any(marks.values())
    return f"{shown}\n\nDiamonds are the best quarters of the tables above." if told else shown


@section(90)
def heatmap_section(context: Context) -> str:
    """Draw the loss by two axes: those asked for, or the only two that there are."""
    asked = len(context.by) == MOST_BY
    pair = context.by if asked else context.axes
    if len(pair) != MOST_BY or pair[0].name == pair[1].name:
        return ""
    rows, columns = pair
    name = objective_name(context.trials)
    medians, counts = crossed(context.trials, rows, columns)
    title = f"{name.capitalize()} by {rows.name} and {columns.name}"
    figure = draw_heatmap(medians, counts, rows, columns, f"median {name}")
    text = (
        f"The median {name} of the trials at each pair of levels, over seeds and all else that "
        "varies, a trial that diverged as infinite; below it, how many trials."
    )
    shown = context.figures.show("heatmap", escape(title), figure)
    return f"## {escape(title)}\n\n{text}\n\n{shown}"


def _axis_table(trials: pd.DataFrame, axis: Axis, quarters: Mapping[str, float]) -> str:
    summary = summarise(trials, axis)
    header, columns = [axis.name, "trials"], [axis.order, [f"{n}" for n in summary["trials"]]]
    if has_rule(trials).any():
        header.append("converged")
        columns.append([format_number(share, ".0%") for share in summary["converged"]])
    measures = {"epochs": ",.0f"} if epochs_taken(trials).nunique() > 1 else {}
    for name, form in {**measures, **dict.fromkeys(losses_of(trials), ".4g")}.items():
        header.append(NAMES.get(name, name))
        spreads = summary[[f"{name}_{which}" for which in ("median", "q1", "q3")]].to_numpy()
        columns.append([format_estimate(Estimate(*row), form) for row in spreads])
    if quarters:
        header.append("best quarter")
        columns.append([format_number(quarters.get(level), ".4g") for level in axis.order])
    return markdown_table(header, [list(row) for row in zip(*columns, strict=True)])


def _by_axis(
    context: Context,
    values: "pd.Series[float]",
    name: str,
    marks: Mapping[str, Mapping[str, float]],
) -> str:
    known = values.astype("float64")
    if not context.axes or known[np.isfinite(known)].nunique() < 2:
        return ""
    figure = draw_by_axis(values, context.axes, name, marks)
    return _figure(context, name.replace(" ", "_"), f"{name.capitalize()} by axis", figure)


def _figure(context: Context, name: str, title: str, figure: Figure) -> str:
    return f"## {title}\n\n{context.figures.show(name, title, figure)}"
