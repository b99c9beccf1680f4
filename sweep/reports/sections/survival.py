"""Writes the section on epochs to convergence."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.reports.axes import Axis, level_of
from sweep.reports.figures.curves import evenly_spread
from sweep.reports.figures.palette import level_colours
from sweep.reports.figures.points import MOST_GROUPS, Steps, draw_steps
from sweep.reports.sections.registry import Context, section
from sweep.reports.statistics.intervals import format_estimate
from sweep.reports.statistics.survival import FEWEST_SEEDS, Survival, survivals
from sweep.reports.tables.text import format_value, markdown_table, rest

MOST_SETTINGS = 40
TITLE_WIDTH = 40
BEFORE = 0.7
"""Where curves begin, as a share of the first epoch at which anything happens."""
NOT_REACHED = "not reached"
TITLE = "Share of trials that met their rule by epoch"
INTRO = (
    "Trials that differ in their seed alone are a setting. Shown are settings of at least "
    f"{FEWEST_SEEDS} trials, those that met their rule most often first. A trial that ended "
    "earlier counts as not converged by its last epoch, one that diverged as never converging. "
    "Epochs by which a share has converged are by Kaplan and Meier's estimate, the share that met "
    "its rule has Wilson's interval of 95%."
)


@section(140)
def survival_section(context: Context) -> str:
    """Write the survival of each setting; nothing where none has seeds enough."""
    found = survivals(context.trials, MOST_SETTINGS)
    if not found.settings:
        return ""
    header = [*found.parameters, "trials", "met its rule", "falsely"]
    header += ["a quarter by epoch", "half", "three quarters"]
    rows = [
        [
            *map(format_value, one.values),
            f"{one.converged.total}",
            format_share(one),
            f"{one.falsely}",
            *format_quartiles(one.quartiles),
        ]
        for one in found.settings
    ]
    drawn = [found.settings[i] for i in evenly_spread(len(found.settings), MOST_GROUPS)]
    shown = context.figures.show("survival", TITLE, _draw(drawn, found.parameters, context.axes))
    if len(drawn) < found.n_settings:
        shown += f"\n\n{len(drawn):,} of the {found.n_settings:,} settings are drawn."
    more = rest(found.n_settings, len(rows), " settings")
    table = markdown_table(header, rows)
    return "\n\n".join(["## Epochs to convergence", INTRO, table, *more, shown])


def format_quartiles(quartiles: tuple[float, float, float]) -> list[str]:
    """Write the quartiles of epochs, in full or as not reached."""
    return [NOT_REACHED if math.isnan(epochs) else f"{epochs:.0f}" for epochs in quartiles]


def format_share(setting: Survival) -> str:
    """Write the share that met its rule, with its interval."""
    return format_estimate(setting.converged.estimate, ".0%")


def _draw(drawn: Sequence[Survival], parameters: Sequence[str], axes: Sequence[Axis]) -> Figure:
    """Draw a curve a setting, coloured by the axis with the most levels among them, if any."""
    levels = {
        name: [_level(one.values[place]) for one in drawn] for place, name in enumerate(parameters)
    }
    levels = {name: texts for name, texts in levels.items() if len(set(texts)) > 1}
    labels = [", ".join(texts) for texts in zip(*levels.values(), strict=True)]
    labels = labels or ["all"] * len(drawn)
    orders = {axis.name: set(axis.order) for axis in axes}
    shared = [n for n, texts in levels.items() if set(texts) <= orders.get(n, set())]
    column = max(shared, key=lambda name: len(set(levels[name])), default="")
    groups = levels.get(column, labels)
    start = min(float(one.epochs[0]) for one in drawn) * BEFORE
    curves = [
        Steps(
            label=label,
            group=group,
            x=np.concatenate([[start], one.epochs]),
            y=np.concatenate([[0.0], 1 - one.pending]),
        )
        for one, label, group in zip(drawn, labels, groups, strict=True)
    ]
    colours = level_colours(groups, axes, column)
    title = textwrap.fill(", ".join(levels), TITLE_WIDTH)
    return draw_steps(curves, colours, "epoch", "share that met its rule", title=title)


def _level(value: object) -> str:
    return level_of(value) if pd.notna(value) else "none"  # type: ignore[call-overload]
