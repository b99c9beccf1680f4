"""Draws points and steps, with a colour for each group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.reports.figures.palette import PALETTE, colours_of
from sweep.reports.figures.panels import (
    add_legend,
    make_panels,
    place_legend,
    set_scale,
    short_label,
)

MOST_GROUPS = len(PALETTE)
LABEL_LENGTH = 60
DASHES = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 4)), (0, (8, 4)), (0, (3, 1)))


@dataclass(frozen=True)
class Steps:
    """A curve that is level between its points.

    Attributes:
        label: what to call it. group: what has its colour.
        x, y: its points, ascending in x.
    """

    label: str
    group: str
    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]


@dataclass(frozen=True)
class Points:
    """Points of one panel.

    Attributes:
        title: of the panel. x_label, y_label: of its axes.
        groups: by name, the points of a group as columns x and y; `MOST_GROUPS` have a colour of
            their own.
        diagonal: whether to draw where y equals x.
    """

    title: str
    x_label: str
    y_label: str
    groups: Mapping[str, pd.DataFrame]
    diagonal: bool = False


def draw_points(panels: Sequence[Points], colours: Mapping[str, str] | None = None) -> Figure:
    """Draw panels of points side by side, with a colour for each group, by its place if None."""
    figure, axes = make_panels(len(panels), width=5.0 * len(panels) + 1.5, height=4.4)
    if colours is None:
        colours = colours_of(name for drawn in panels for name in drawn.groups)
    for panel, drawn in zip(axes, panels, strict=True):
        _draw_panel(panel, drawn, colours)
    add_legend(axes[-1], colours, None, marker="o", longest=LABEL_LENGTH)
    return figure


def draw_steps(
    curves: Sequence[Steps], colours: Mapping[str, str], x_label: str, y_label: str, *, title: str
) -> Figure:
    """Draw curves that are level between their points, under a legend with a title.

    Curves of one colour are drawn with lines of different kinds.
    """
    figure, (axes,) = make_panels(1, width=10.0, height=4.6)
    for place, curve in enumerate(curves):
        alike = [other.group for other in curves[:place]].count(curve.group)
        axes.step(
            *(curve.x, curve.y),
            where="post",
            color=colours[curve.group],
            linewidth=1.6,
            linestyle=DASHES[alike % len(DASHES)],
            label=short_label(curve.label, LABEL_LENGTH),
        )
    set_scale(axes, "x", pd.Series(np.concatenate([curve.x for curve in curves])))
    axes.set(xlabel=x_label, ylabel=y_label)
    place_legend(axes, None, title)
    return figure


def _draw_panel(axes: Axes, drawn: Points, colours: Mapping[str, str]) -> None:
    every = pd.concat(drawn.groups.values())
    if drawn.diagonal:
        ends = [float(every.min().min()), float(every.max().max())]
        axes.plot(ends, ends, color="#999999", linewidth=1)
    told = [points.assign(colour=colours[name]) for name, points in drawn.groups.items()]
    mixed = pd.concat(told).sample(frac=1, random_state=0)  # so that the last group hides no other
    axes.scatter(mixed["x"], mixed["y"], c=mixed["colour"], s=18, alpha=0.7, linewidths=0)
    both = pd.concat([every["x"], every["y"]])
    for which in ("x", "y"):  # a diagonal is straight only where both axes have one scale
        set_scale(axes, which, both if drawn.diagonal else every[which])
    axes.set_title(drawn.title, fontsize=10, loc="left")
    axes.set(xlabel=drawn.x_label, ylabel=drawn.y_label)
