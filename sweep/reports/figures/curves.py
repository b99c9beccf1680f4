"""Draws the trials of a sweep: their losses by epoch, and a number by the levels of each axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.reports.axes import Axis
from sweep.reports.figures.palette import PALETTE, level_colours
from sweep.reports.figures.panels import (
    GREY,
    INK,
    PANELS_ACROSS,
    add_legend,
    make_panels,
    set_scale,
    short_label,
)
from sweep.trial import StopReason

MOST_CURVES = 200
MOST_PANELS = 12
FEWEST_BOXED = 12
"""Values below which a box would show quartiles that are hardly there: they are drawn as points."""
FEWEST_WITH_MEDIAN = 3
"""Of points, from which on their median is marked."""
BOX: Mapping[str, Any] = {
    "orientation": "horizontal",
    "widths": 0.6,
    "showcaps": False,
    "patch_artist": True,
    "boxprops": {"facecolor": "#eeeeee", "edgecolor": GREY},
    "medianprops": {"color": INK, "linewidth": 2},
    "whiskerprops": {"color": GREY},
    "flierprops": {"marker": ".", "markersize": 3, "markeredgecolor": "#999999"},
}
COLOURS = {
    StopReason.CONVERGED: "#0072b2",
    StopReason.TARGET: "#009e73",
    StopReason.PATTERN: "#56b4e9",
    StopReason.EPOCHS: "#7f7f7f",
    StopReason.MAX_EPOCHS: "#e69f00",
    StopReason.TIME: "#cc79a7",
    StopReason.DIVERGED: "#d55e00",
    StopReason.FAILED: "#000000",
    StopReason.CANCELLED: "#bbbbbb",
    StopReason.PRUNED: "#999933",
}
LINES = {"loss": "-", "validation_loss": "--"}
"""Columns of the recorded losses, and how their lines are drawn."""


def draw_curves(trials: pd.DataFrame, curves: pd.DataFrame, axis: Axis | None = None) -> Figure:
    """Draw the loss of each trial by epoch, and that on held-out samples broken, where recorded.

    Args:
        trials: at least one.
        curves: their recorded losses.
        axis: what to colour by; None for why each stopped.
    """
    figure, (axes,) = make_panels(1, width=9.4, height=4.6)
    plot_curves(axes, trials, curves, axis)
    return figure


def plot_curves(
    axes: Axes, trials: pd.DataFrame, curves: pd.DataFrame, axis: Axis | None = None
) -> None:
    """Draw what `draw_curves` does on axes that are there."""
    if axis is None:
        groups = trials["stop_reason"].map(str)
        colours = {str(r): COLOURS[r] for r in StopReason if str(r) in set(groups)}
    else:
        groups = axis.levels.loc[trials.index]
        colours = level_colours(groups, [axis], axis.name)
    group_of = dict(zip(trials["trial_id"], groups, strict=True))
    kinds = [name for name in LINES if name in curves.columns and curves[name].notna().any()]
    curve_of = dict(list(curves.groupby("trial_id", sort=False)))
    mixed = pd.Series(list(curve_of)).sample(frac=1, random_state=0)  # no level hides others
    for trial_id in mixed:
        colour = colours[group_of[trial_id]]
        for kind in kinds:  # held-out losses are recorded at some epochs only
            known = curve_of[trial_id][["epoch", kind]].dropna()
            loss = known[kind].where(np.isfinite(known[kind]))
            axes.plot(known["epoch"], loss, LINES[kind], color=colour, alpha=0.45, linewidth=1)
    set_scale(axes, "x", curves["epoch"])
    set_scale(axes, "y", pd.concat([curves[kind] for kind in kinds]))
    axes.set(xlabel="epoch", ylabel="loss")
    styles = {"trained on": "-", "held out": "--"} if len(kinds) > 1 else {}
    add_legend(axes, colours, title=None if axis is None else axis.name, styles=styles)


def last_phases(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the losses of the last phase of each trial, the whole network's.

    Each phase counts its epochs from 1, so that all in one line would turn back on themselves.
    """
    return curves[curves["phase"] == curves.groupby("trial_id")["phase"].transform("max")]


def evenly_spread(count: int, most: int) -> Int64[np.ndarray, " places"]:
    """Return which of so many things to draw where there is room for `most`."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def draw_by_axis(
    values: "pd.Series[float]",
    axes: Sequence[Axis],
    label: str,
    marked: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Draw the values at each level of each axis, one panel an axis: a box, or points if few.

    Args:
        values: one a trial, missing where there is none.
        axes: at least one, of which `MOST_PANELS` are drawn.
        label: what to call it.
        marked: by axis and level, a value to mark beside; none for no marks.
    """
    shown = axes[:MOST_PANELS]
    rows = -(-len(shown) // PANELS_ACROSS)
    tallest = max(len(axis.order) for axis in shown)
    figure, panels = make_panels(len(shown), width=10.5, height=rows * (1.3 + 0.27 * tallest))
    for panel, axis in zip(panels, shown, strict=True):
        _draw_levels(panel, values, axis, (marked or {}).get(axis.name, {}))
        panel.set_title(axis.name, fontsize=10, color=INK, loc="left")
        panel.set_xlabel(label)
    return figure


def _draw_levels(
    panel: Axes, values: "pd.Series[float]", axis: Axis, marked: Mapping[str, float]
) -> None:
    known = values.astype("float64")
    known = known.where(np.isfinite(known))
    groups = [known[axis.levels == level].dropna().to_numpy() for level in axis.order]
    set_scale(panel, "x", known)
    places = range(1, len(groups) + 1)
    for place, group in zip(places, groups, strict=True):
        if len(group) < FEWEST_BOXED:
            panel.plot(group, [place] * len(group), "o", color=GREY, markersize=5, alpha=0.6)
            middle = [np.median(group)] if len(group) >= FEWEST_WITH_MEDIAN else []
            panel.plot(middle, [place] * len(middle), "|", color=INK, markersize=14, mew=2)
        else:
            panel.boxplot([group], positions=[place], **BOX)
    marks = [(marked[v], p) for v, p in zip(axis.order, places, strict=True) if v in marked]
    panel.plot(*(np.array(marks).reshape(-1, 2).T), "D", color=PALETTE[1], markersize=5)
    labels = [f"{short_label(v)}  ({len(g)})" for v, g in zip(axis.order, groups, strict=True)]
    panel.set_yticks(places, labels)
    panel.set_ylim(len(groups) + 0.5, 0.5)
