"""Draws what probes found in the layers of networks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from sweep.reports.figures.curves import MOST_CURVES
from sweep.reports.figures.palette import shades
from sweep.reports.figures.panels import (
    INK,
    PANELS_ACROSS,
    make_panels,
    place_outside_legend,
    wrapped_label,
)
from sweep.reports.groups import Group

MOST_GROUPS = 24


def draw_gradients(
    groups: Sequence[Group], probes: Mapping[str, pd.DataFrame]
) -> dict[str, Figure]:
    """Draw the median gradient_rms by layer: a panel a group, a line a depth.

    Args:
        groups: at least one, of which `MOST_GROUPS` are drawn.
        probes: by name of a figure, one probe of each of their trials. All figures have one scale.
    """
    shown = groups[:MOST_GROUPS]
    medians = {name: [_medians(group, rows) for group in shown] for name, rows in probes.items()}
    tables = [table for found in medians.values() for table in found]
    depths = sorted({depth for table in tables for depth in table.index})
    colours = dict(zip(depths, shades(len(depths)), strict=True))  # the darker the deeper
    figures = {}
    for name, found in medians.items():
        figures[name], panels = _gradient_panels(shown, colours)
        for panel, table in zip(panels, found, strict=True):
            _draw_depths(panel, table, colours)
        _share_axes(panels, tables)
    return figures


def _gradient_panels(
    groups: Sequence[Group], colours: Mapping[int, str]
) -> tuple[Figure, list[Axes]]:
    rows = -(-len(groups) // PANELS_ACROSS)
    figure, panels = make_panels(len(groups), width=10.5, height=0.5 + 2.5 * rows)
    for panel, group in zip(panels, groups, strict=True):
        panel.set_title(wrapped_label(group.label), fontsize=9, color=INK, loc="left")
    handles = [Line2D([], [], color=c, marker=".", label=f"{d}") for d, c in colours.items()]
    place_outside_legend(figure, handles, "depth")
    return figure, panels


def draw_unit_distances(
    groups: Sequence[Group], colours: Mapping[str, str], distances: pd.DataFrame
) -> Figure:
    """Draw the least distance between hidden units by epoch: a line a trial, a colour a group.

    Args:
        groups: at least one; none shares a trial with another.
        colours: of each group, by its label.
        distances: trial_id, epoch and unit_distance. Distances of 0 are drawn at the bottom.
    """
    figure, (panel,) = make_panels(1, width=8.0, height=4.4)
    positive = distances["unit_distance"][distances["unit_distance"] > 0]
    floor = 0.1 * float(positive.min()) if len(positive) else 1e-3
    most = max(1, MOST_CURVES // len(groups))
    for group in groups:
        for trial_id in group.trials["trial_id"].head(most):
            rows = distances[distances["trial_id"] == trial_id]
            heights = rows["unit_distance"].clip(lower=floor)
            panel.plot(rows["epoch"], heights, color=colours[group.label], alpha=0.6)
    panel.set_xscale("symlog", linthresh=1)
    panel.set_yscale("log")
    panel.set_xlim(left=0)
    panel.axhline(floor, color="#999999", linewidth=0.8, linestyle=":")
    panel.annotate("0", (0, floor), xytext=(4, 2), textcoords="offset points", fontsize=8)
    panel.set(xlabel="epoch", ylabel="least distance between two hidden units")
    handles = [Line2D([], [], label=wrapped_label(name), color=c) for name, c in colours.items()]
    place_outside_legend(figure, handles, None)
    return figure


def _medians(group: Group, probes: pd.DataFrame) -> pd.DataFrame:
    """Return the median gradient_rms, a row a depth, a column a layer."""
    rows = probes.merge(group.trials[["trial_id", "depth"]], on="trial_id")
    rows = rows[np.isfinite(rows["gradient_rms"])]
    medians = rows.groupby(["depth", "layer"])["gradient_rms"].median()
    return pd.DataFrame(medians.unstack("layer"))


def _draw_depths(panel: Axes, medians: pd.DataFrame, colours: Mapping[int, str]) -> None:
    for depth in map(int, medians.index):
        row = medians.loc[depth].to_numpy(np.float64)
        known = np.where(row > 0, row, np.nan)
        panel.plot(
            medians.columns, known, color=colours[depth], marker=".", markersize=4, linewidth=1.2
        )


def _share_axes(panels: Sequence[Axes], medians: Sequence[pd.DataFrame]) -> None:
    """Give all panels one logarithmic scale, in whole decades, and whole layers."""
    values = np.concatenate([table.to_numpy(float).ravel() for table in medians])
    values = values[np.isfinite(values) & (values > 0)]
    last = max((int(table.columns.max()) for table in medians if len(table)), default=0)
    for place, panel in enumerate(panels):
        panel.set_yscale("log")
        panel.yaxis.set_minor_formatter(NullFormatter())
        if len(values):
            lower, upper = np.floor(np.log10(values.min())), np.ceil(np.log10(values.max()))
            panel.set_ylim(10.0**lower, 10.0 ** max(upper, lower + 1))
        panel.set_xlim(-0.4, last + 0.4)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set_xlabel("layer")
        if place % PANELS_ACROSS == 0:
            panel.set_ylabel("gradient, rms")
