"""Draws points and steps, with a colour for each group. Knows nothing of trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.reports.figures import PALETTE, add_legend, make_panels, set_scale

MOST_GROUPS = len(PALETTE)
LABEL_LENGTH = 60
SAME = "#999999"


@dataclass(frozen=True)
class Steps:
    """A curve that is level between its points.

    Attributes:
        label: what to call it.
        x, y: its points, ascending in x.
    """

    label: str
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


def draw_points(panels: Sequence[Points]) -> Figure:
    """Draw panels of points side by side, all with the groups of the first."""
    figure, axes = make_panels(len(panels), width=5.0 * len(panels), height=4.4)
    for panel, drawn in zip(axes, panels, strict=True):
        _draw_panel(panel, drawn)
    names = list(dict.fromkeys(name for drawn in panels for name in drawn.groups))
    add_legend(axes[-1], _colours(names), None, marker="o", longest=LABEL_LENGTH)
    return figure


def draw_steps(curves: Sequence[Steps], x_label: str, y_label: str, *, title: str) -> Figure:
    """Draw curves that are level between their points, under a legend with a title."""
    figure, (axes,) = make_panels(1, width=10.0, height=4.6)
    for curve, colour in zip(curves, cycle(PALETTE), strict=False):
        axes.step(curve.x, curve.y, where="post", color=colour, linewidth=1.6)
    set_scale(axes, "x", pd.Series(np.concatenate([curve.x for curve in curves])))
    axes.set(xlabel=x_label, ylabel=y_label)
    colours = _colours([curve.label for curve in curves])
    add_legend(axes, colours, title, beside=True, longest=LABEL_LENGTH)
    return figure


def _draw_panel(axes: Axes, drawn: Points) -> None:
    every = pd.concat(drawn.groups.values())
    if drawn.diagonal:
        ends = [float(every.min().min()), float(every.max().max())]
        axes.plot(ends, ends, color=SAME, linewidth=1)
    for points, colour in zip(drawn.groups.values(), cycle(PALETTE), strict=False):
        axes.scatter(points["x"], points["y"], color=colour, s=18, alpha=0.7, linewidths=0)
    both = pd.concat([every["x"], every["y"]])
    for which in ("x", "y"):  # a diagonal is straight only where both axes have one scale
        set_scale(axes, which, both if drawn.diagonal else every[which])
    axes.set_title(drawn.title, fontsize=10, loc="left")
    axes.set(xlabel=drawn.x_label, ylabel=drawn.y_label)


def _colours(names: Sequence[str]) -> dict[str, str]:
    return dict(zip(names, cycle(PALETTE), strict=False))
