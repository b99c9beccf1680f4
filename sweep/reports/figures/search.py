"""Draws what the points of a search came to."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from sweep.reports.figures.palette import PALETTE
from sweep.reports.figures.panels import GREY, make_panels, set_scale

Numbers = Float[np.ndarray, " points"]


def draw_course(values: Numbers, best: Numbers, label: str) -> Figure:
    """Draw the value of every point by its number, and the best so far."""
    figure, (axes,) = make_panels(1, width=9.0, height=4.0)
    numbers = np.arange(1, len(values) + 1)
    known = np.isfinite(values)
    axes.scatter(numbers[known], values[known], s=10, color=GREY, linewidths=0, label="a point")
    axes.step(numbers, best, where="post", color=PALETTE[0], label="the best so far")
    axes.set(xlabel="point", ylabel=label)
    set_scale(axes, "y", pd.Series(values[known]))
    axes.legend(frameon=False, fontsize=8)
    return figure


def draw_front(values: Sequence[Numbers], front: Sequence[int], labels: Sequence[str]) -> Figure:
    """Draw points by two objectives, those of the Pareto front apart."""
    figure, (axes,) = make_panels(1, width=6.5, height=4.6)
    x, y = values[0], values[1]
    known = np.isfinite(x) & np.isfinite(y)
    axes.scatter(x[known], y[known], s=10, color=GREY, linewidths=0, label="a point")
    axes.scatter(x[front], y[front], s=28, color=PALETTE[0], linewidths=0, label="Pareto front")
    axes.set(xlabel=labels[0], ylabel=labels[1])
    set_scale(axes, "x", pd.Series(x[known]))
    set_scale(axes, "y", pd.Series(y[known]))
    axes.legend(frameon=False, fontsize=8)
    return figure
