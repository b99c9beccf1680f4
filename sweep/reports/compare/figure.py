"""Draws the losses of two sweeps against each other, a point a pair."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweep.reports.compare.pairing import LOSS, SETTING, Pairing
from sweep.reports.figures.curves import evenly_spread
from sweep.reports.figures.palette import PALETTE
from sweep.reports.figures.panels import GREY, INK, make_panels, set_scale, short_label

MOST_POINTS = 2000
NAME_LENGTH = 40


def draw_pairs(pairing: Pairing) -> Figure:
    """Draw a figure of its own; see `plot_pairs`."""
    figure, (axes,) = make_panels(1, width=5.2, height=4.8)
    plot_pairs(axes, pairing)
    return figure


def plot_pairs(axes: Axes, pairing: Pairing) -> None:
    """Draw a faint point a pair, its first loss across and its second up, and a ring a setting.

    The ring stands at the medians over the seeds. Below the line the second sweep's loss is less.
    Pairs of which one diverged have no place.
    """
    both = pd.DataFrame(
        {
            "x": pairing.left[LOSS].to_numpy(np.float64),
            "y": pairing.right[LOSS].to_numpy(np.float64),
            "setting": pairing.left[SETTING].to_numpy(),
        }
    )
    both = both.loc[np.isfinite(both["x"]) & np.isfinite(both["y"])]
    shown = both.iloc[evenly_spread(len(both), MOST_POINTS)] if len(both) else both
    several = both["setting"].nunique() < len(both)
    axes.scatter(
        *(shown["x"], shown["y"]), s=16, color=PALETTE[0], alpha=0.35 if several else 0.7, lw=0
    )
    if several:
        middles = both.groupby("setting").median()
        axes.scatter(middles["x"], middles["y"], s=30, facecolor="none", edgecolor=INK, lw=0.9)
    every = pd.concat([both["x"], both["y"]])
    for which in ("x", "y"):
        set_scale(axes, which, every)
    if len(every):
        ends = [float(every.min()), float(every.max())]
        axes.plot(ends, ends, color=GREY, linewidth=1, zorder=0)
    name = pairing.loss_name or "loss"
    first, second = (
        short_label(side.called, NAME_LENGTH) for side in (pairing.first, pairing.second)
    )
    axes.set(xlabel=f"{name} of {first}", ylabel=f"{name} of {second}")
