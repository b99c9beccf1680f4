"""Draws the figures of a report. Knows nothing of files or Markdown."""

import io
from collections.abc import Collection, Mapping, Sequence
from itertools import cycle, islice

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweep.printable import printable_line
from sweep.reports.summary import Axis
from sweep.trial import StopReason

MOST_CURVES = 200
MOST_PANELS = 12
PANELS_ACROSS = 3
LABEL_LENGTH = 22
DPI = 130
INK, FAINT = "#333333", "#dddddd"
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
}
"""Okabe and Ito's palette, which the colour-blind can tell apart."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")


def draw_curves(trials: pd.DataFrame, curves: pd.DataFrame, axis: Axis | None = None) -> Figure:
    """Draw the loss of each trial by epoch.

    Args:
        trials: at least one.
        curves: their recorded losses.
        axis: what to colour by; None for why each stopped.
    """
    figure, (axes,) = make_panels(1, width=8.0, height=4.6)
    groups = trials["stop_reason"].map(str) if axis is None else axis.levels.loc[trials.index]
    colours = _colours(axis, set(groups))
    group_of = dict(zip(trials["trial_id"], groups, strict=True))
    for trial_id, curve in curves.groupby("trial_id", sort=False):
        loss = curve["loss"].where(np.isfinite(curve["loss"]))
        axes.plot(curve["epoch"], loss, color=colours[group_of[trial_id]], alpha=0.45, linewidth=1)
    set_scale(axes, "x", curves["epoch"])
    set_scale(axes, "y", curves["loss"])
    axes.set(xlabel="epoch", ylabel="loss")
    add_legend(axes, colours, title=None if axis is None else axis.name)
    return figure


def last_phases(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the losses of the last phase of each trial, the whole network's.

    Each phase counts its epochs from 1, so that all in one line would turn back on themselves.
    """
    last = curves.groupby("trial_id")["phase"].transform("max")
    return curves[curves["phase"] == last]


def _colours(axis: Axis | None, present: Collection[str]) -> dict[str, str]:
    """Return a colour for each group that is present, in the order of the legend."""
    if axis is None:
        return {str(r): COLOURS[r] for r in StopReason if str(r) in present}
    levels = [level for level in axis.order if level in present]
    return dict(zip(levels, cycle(PALETTE), strict=False))


def sample_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return at most `MOST_CURVES` trials, evenly spread over the table."""
    if len(trials) <= MOST_CURVES:
        return trials
    return trials.iloc[np.linspace(0, len(trials) - 1, MOST_CURVES).astype(int)]


def draw_by_axis(values: "pd.Series[float]", axes: Sequence[Axis], label: str) -> Figure:
    """Draw a box of values for each level of each axis, one panel an axis.

    Args:
        values: one a trial, missing where there is none.
        axes: at least one, of which `MOST_PANELS` are drawn.
        label: what to call it.
    """
    shown = list(islice(axes, MOST_PANELS))
    rows = -(-len(shown) // PANELS_ACROSS)
    tallest = max(len(axis.order) for axis in shown)
    figure, panels = make_panels(len(shown), width=10.5, height=rows * (1.3 + 0.27 * tallest))
    for panel, axis in zip(panels, shown, strict=True):
        _draw_boxes(panel, values, axis)
        panel.set_title(axis.name, fontsize=10, color=INK, loc="left")
        panel.set_xlabel(label)
    return figure


def to_png(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_boxes(panel: Axes, values: "pd.Series[float]", axis: Axis) -> None:
    known = values.astype("float64")
    known = known.where(np.isfinite(known))
    groups = [known[axis.levels == level].dropna().to_numpy() for level in axis.order]
    set_scale(panel, "x", known)
    panel.boxplot(
        groups,
        orientation="horizontal",
        widths=0.6,
        showcaps=False,
        patch_artist=True,
        boxprops={"facecolor": "#cfe3f1", "edgecolor": COLOURS[StopReason.CONVERGED]},
        medianprops={"color": COLOURS[StopReason.DIVERGED], "linewidth": 2},
        whiskerprops={"color": COLOURS[StopReason.CONVERGED]},
        flierprops={"marker": ".", "markersize": 3, "markeredgecolor": "#888888"},
    )
    labels = [f"{short_label(v)}  ({len(g)})" for v, g in zip(axis.order, groups, strict=True)]
    panel.set_yticks(range(1, len(labels) + 1), labels)
    panel.invert_yaxis()


def make_panels(count: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of that size, in inches, with so many panels, `PANELS_ACROSS` in a row."""
    across = min(count, PANELS_ACROSS)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    grid = figure.subplots(-(-count // across), across, squeeze=False)
    panels = list(grid.ravel())
    for unused in panels[count:]:
        unused.remove()
    for panel in panels[:count]:
        _plain(panel)
    return figure, panels[:count]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(colors=INK, labelsize=8)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)


def set_scale(axes: Axes, which: str, values: "pd.Series[float]") -> None:
    """Use a logarithmic scale for positive values that span more than a factor of ten."""
    known = values.astype("float64")
    known = known[np.isfinite(known)]
    if len(known) and known.min() > 0 and known.max() > 10 * known.min():
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")


def add_legend(
    axes: Axes,
    colours: Mapping[str, str],
    title: str | None,
    *,
    marker: str = "",
    beside: bool = False,
    longest: int = LABEL_LENGTH,
) -> None:
    """Name the colours of lines or markers: where there is room, or beside the axes."""
    width = 0 if marker else 1.6
    handles = [
        Line2D([], [], color=c, marker=marker, linewidth=width, label=short_label(name, longest))
        for name, c in colours.items()
    ]
    title = None if title is None else short_label(title, longest)
    legend = axes.legend(handles=handles, title=title, frameon=False, fontsize=8, title_fontsize=8)
    if beside:
        legend.set_loc("upper left")
        legend.set_bbox_to_anchor((1.01, 1.0))


def short_label(text: str, longest: int = LABEL_LENGTH) -> str:
    """Shorten a level, and keep matplotlib from reading mathematics in it."""
    short = printable_line(text)
    if len(short) > longest:
        short = short[: longest - 1] + "…"
    return short.replace("$", r"\$")
