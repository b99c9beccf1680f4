"""Writes the section on epochs to convergence."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweep.reports.axes import Axis, level_of
from sweep.reports.figures.curves import evenly_spread
from sweep.reports.figures.palette import level_colours
from sweep.reports.figures.points import MOST_GROUPS, Steps, draw_steps
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.intervals import format_estimate
from sweep.reports.statistics.survival import FEWEST_SEEDS, Survival, Survivals, survivals
from sweep.reports.tables.text import format_value, markdown_table, rest

MOST_CELLS = 40
TITLE_WIDTH = 40
BEFORE = 0.7
"""Where curves begin, as a share of the first epoch at which anything happens."""

SHARES = ("a quarter by epoch", "half", "three quarters")
NOT_REACHED = "not reached"


@section(140)
def survival_section(context: Context) -> str:
    """Write the survival of each cell; nothing where no cell has seeds enough."""
    found = survivals(context.trials, MOST_CELLS)
    if not found.cells:
        return ""
    text = (
        "Trials that differ in their seed alone are a cell; shown are those of at least "
        f"{FEWEST_SEEDS}, those that met their rule most often first. A trial that ended before "
        "counts as not converged by its last epoch, one that diverged as never to. "
        "Epochs by which a share has converged are by Kaplan and Meier's estimate, the share that "
        "met its rule has Wilson's interval of 95%."
    )
    more = rest(found.n_cells, len(found.cells), " cells")
    return "\n\n".join(
        ["## Epochs to convergence", text, _table(found), *more, _figure(context, found)]
    )


def format_quartiles(quartiles: tuple[float, float, float]) -> list[str]:
    """Write the quartiles of epochs, in full or as not reached."""
    return [NOT_REACHED if math.isnan(epochs) else f"{epochs:.0f}" for epochs in quartiles]


def format_share(cell: Survival) -> str:
    """Write the share that met its rule, with its interval."""
    return format_estimate(cell.converged.estimate, ".0%")


def _table(found: Survivals) -> str:
    header = [*found.parameters, "trials", "met its rule", "falsely", *SHARES]
    rows = [
        [
            *map(format_value, cell.values),
            f"{cell.converged.total}",
            format_share(cell),
            f"{cell.falsely}",
            *format_quartiles(cell.quartiles),
        ]
        for cell in found.cells
    ]
    return markdown_table(header, rows)


def _figure(context: Context, found: Survivals) -> str:
    drawn = [found.cells[place] for place in evenly_spread(len(found.cells), MOST_GROUPS)]
    columns = list(zip(*(cell.values for cell in drawn), strict=True))
    telling = [place for place, column in enumerate(columns) if len(set(map(str, column))) > 1]
    start = min(float(cell.epochs[0]) for cell in drawn) * BEFORE
    names = [_label(cell, telling) for cell in drawn]
    shared = [n for n in telling if _is_shown_by(context.axes, found.parameters[n], columns[n])]
    most = max(shared, key=lambda n: len(set(map(_level, columns[n]))), default=None)
    column = "" if most is None else found.parameters[most]
    groups = names if most is None else [_level(value) for value in columns[most]]
    figure = draw_steps(
        [_steps(*told, start) for told in zip(drawn, names, groups, strict=True)],
        level_colours(groups, context.axes, column),
        "epoch",
        "share that met its rule",
        title=textwrap.fill(", ".join(found.parameters[n] for n in telling), TITLE_WIDTH),
    )
    title = "Share of trials that met their rule by epoch"
    shown = context.figures.show("survival", title, figure)
    if len(drawn) == found.n_cells:
        return shown
    return f"{shown}\n\n{len(drawn):,} of the {found.n_cells:,} cells are drawn."


def _is_shown_by(axes: Sequence[Axis], name: str, values: Sequence[object]) -> bool:
    """Whether the values are levels of an axis, whose colours other figures have as well."""
    levels = {_level(value) for value in values}
    return any(axis.name == name and levels <= set(axis.order) for axis in axes)


def _level(value: object) -> str:
    return level_of(value) if pd.notna(value) else "none"  # type: ignore[call-overload]


def _label(cell: Survival, telling: Sequence[int]) -> str:
    return ", ".join(_level(cell.values[place]) for place in telling) or "all"


def _steps(cell: Survival, label: str, group: str, start: float) -> Steps:
    return Steps(
        label=label,
        group=group,
        x=np.concatenate([[start], cell.epochs]),
        y=np.concatenate([[0.0], 1 - cell.pending]),
    )
