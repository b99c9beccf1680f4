"""Draws the figure of a finding, which reports draw in HTML, on matplotlib axes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from sweep.reports.figures.palette import PALETTE
from sweep.reports.figures.panels import GREY, INK, short_label
from sweep.reports.findings.finding import Figure, Kind, Mark

LABEL_LENGTH = 36


def plot_finding(axes: Axes, figure: Figure) -> None:
    """Draw a mark a row with its interval, the first on top; lines from left to right."""
    if figure.kind is Kind.LINES:
        _plot_line(axes, figure)
        return
    places = np.arange(len(figure.marks))
    values = np.array([mark.value for mark in figure.marks])
    colours = [PALETTE[0] if mark.strong else GREY for mark in figure.marks]
    if figure.kind is Kind.BARS:
        axes.barh(places, values, color=colours, height=0.6)
    else:
        axes.scatter(values, places, c=colours, s=28, zorder=3)
    _plot_intervals(axes, figure.marks)
    if np.isfinite(figure.reference):
        axes.axvline(figure.reference, color=GREY, linewidth=1, linestyle=":")
        label = short_label(f" {figure.reference_label}", LABEL_LENGTH)
        axes.text(figure.reference, len(figure.marks) - 0.42, label, fontsize=7, color=GREY)
    axes.set_yticks(places, [short_label(mark.label, LABEL_LENGTH) for mark in figure.marks])
    axes.set_ylim(len(figure.marks) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    if figure.log:
        axes.set_xscale("log")
    ends = (end if np.isfinite(end) else None for end in (figure.least, figure.most))
    axes.set_xlim(*ends)
    axes.set_xlabel(short_label(figure.quantity, 2 * LABEL_LENGTH))


def _plot_intervals(axes: Axes, marks: Sequence[Mark]) -> None:
    for place, mark in enumerate(marks):
        if np.isfinite(mark.low) and np.isfinite(mark.high):
            axes.plot([mark.low, mark.high], [place, place], color=INK, linewidth=1.2)


def _plot_line(axes: Axes, figure: Figure) -> None:
    places = [float(mark.label) for mark in figure.marks]
    axes.plot(places, [mark.value for mark in figure.marks], color=PALETTE[0])
    axes.fill_between(
        places,
        [mark.low for mark in figure.marks],
        [mark.high for mark in figure.marks],
        color=PALETTE[0],
        alpha=0.15,
        linewidth=0,
    )
    if figure.log:
        axes.set_yscale("log")
    axes.set(xlabel=figure.across, ylabel=figure.quantity)
