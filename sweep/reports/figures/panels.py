"""Draws the figures of a report. Knows nothing of files or Markdown."""

import io
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis as Scale
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, LogLocator, NullFormatter

from sweep.printable import printable_line
from sweep.reports.axes import Axis
from sweep.reports.figures.palette import PALETTE, level_colours
from sweep.trial import StopReason

MOST_CURVES = 200
MOST_PANELS = 12
MOST_NAMED = 16
FEWEST_BOXED = 5
"""Values below which a box would show quartiles that are hardly there: they are drawn as points."""
PANELS_ACROSS = 3
LABEL_LENGTH = 22
DPI = 130
GAP = 3
"""Pixels between two labels of an axis, at least."""
DECADES = 2
"""Powers of ten below which 3 is marked between 1 and 10, lest an axis have one mark or none."""
INK, FAINT, GREY = "#333333", "#dddddd", "#7f7f7f"
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
}


def draw_curves(trials: pd.DataFrame, curves: pd.DataFrame, axis: Axis | None = None) -> Figure:
    """Draw the loss of each trial by epoch, and that on held-out samples broken, where recorded.

    Args:
        trials: at least one.
        curves: their recorded losses.
        axis: what to colour by; None for why each stopped.
    """
    figure, (axes,) = make_panels(1, width=9.4, height=4.6)
    groups = trials["stop_reason"].map(str) if axis is None else axis.levels.loc[trials.index]
    colours = (
        {str(r): COLOURS[r] for r in StopReason if str(r) in set(groups)}
        if axis is None
        else level_colours(groups, [axis], axis.name)
    )
    group_of = dict(zip(trials["trial_id"], groups, strict=True))
    kinds = [name for name in LINES if name in curves.columns and curves[name].notna().any()]
    curve_of = dict(list(curves.groupby("trial_id", sort=False)))
    mixed = pd.Series(list(curve_of)).sample(frac=1, random_state=0)  # lest one level hide others
    for trial_id in mixed:
        curve = curve_of[trial_id]
        for kind in kinds:
            known = curve[curve[kind].notna()]  # held-out losses are recorded at some epochs only
            loss = known[kind].where(np.isfinite(known[kind]))
            colour = colours[group_of[trial_id]]
            axes.plot(known["epoch"], loss, LINES[kind], color=colour, alpha=0.45, linewidth=1)
    set_scale(axes, "x", curves["epoch"])
    set_scale(axes, "y", pd.concat([curves[kind] for kind in kinds]))
    axes.set(xlabel="epoch", ylabel="loss")
    styles = {"trained on": "-", "held out": "--"} if len(kinds) > 1 else {}
    add_legend(axes, colours, title=None if axis is None else axis.name, styles=styles)
    return figure


LINES = {"loss": "-", "validation_loss": "--"}
"""Columns of the recorded losses, and how their lines are drawn."""


def last_phases(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the losses of the last phase of each trial, the whole network's.

    Each phase counts its epochs from 1, so that all in one line would turn back on themselves.
    """
    last = curves.groupby("trial_id")["phase"].transform("max")
    return curves[curves["phase"] == last]


def sample_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return at most `MOST_CURVES` trials, evenly spread over the table."""
    if len(trials) <= MOST_CURVES:
        return trials
    return trials.iloc[np.linspace(0, len(trials) - 1, MOST_CURVES).astype(int)]


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
    shown = list(islice(axes, MOST_PANELS))
    rows = -(-len(shown) // PANELS_ACROSS)
    tallest = max(len(axis.order) for axis in shown)
    figure, panels = make_panels(len(shown), width=10.5, height=rows * (1.3 + 0.27 * tallest))
    for panel, axis in zip(panels, shown, strict=True):
        _draw_levels(panel, values, axis, (marked or {}).get(axis.name, {}))
        panel.set_title(axis.name, fontsize=10, color=INK, loc="left")
        panel.set_xlabel(label)
    return figure


def to_png(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes."""
    thin_labels(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


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
            panel.plot(group, [place] * len(group), "o", color=GREY, markersize=5, alpha=0.7)
        else:
            panel.boxplot([group], positions=[place], **BOX)
    marks = [(marked[v], p) for v, p in zip(axis.order, places, strict=True) if v in marked]
    panel.plot(*(np.array(marks).reshape(-1, 2).T), "D", color=PALETTE[1], markersize=5)
    labels = [f"{short_label(v)}  ({len(g)})" for v, g in zip(axis.order, groups, strict=True)]
    panel.set_yticks(places, labels)
    panel.set_ylim(len(groups) + 0.5, 0.5)


def thin_labels(figure: Figure) -> None:
    """Leave out marks of an axis until no two of their labels touch."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        for scale in (axes.xaxis, axes.yaxis):
            step = _step_apart(scale)
            if step > 1:
                _keep_every(scale, step)


def _step_apart(scale: Scale) -> int:
    """Return the least number such that every so many labels are apart from each other."""
    ticks = [tick for tick in scale.get_major_ticks() if tick.label1.get_text()]
    boxes = [tick.label1.get_window_extent() for tick in ticks if tick.label1.get_visible()]
    for step in range(1, len(boxes)):
        if not any(a.padded(GAP).overlaps(b) for a, b in pairwise(boxes[::step])):
            return step
    return max(1, len(boxes))


def _keep_every(scale: Scale, step: int) -> None:
    labels = [label.get_text() for label in scale.get_majorticklabels()]
    told = [(p, t) for p, t in zip(scale.get_majorticklocs(), labels, strict=True) if t][::step]
    places, texts = zip(*told, strict=True)
    scale.set_major_locator(FixedLocator(places))
    scale.set_major_formatter(FixedFormatter(texts))


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
    if not len(known) or known.min() <= 0 or known.max() <= 10 * known.min():
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    scale = axes.xaxis if which == "x" else axes.yaxis
    scale.set_minor_formatter(NullFormatter())
    if known.max() < 10.0**DECADES * known.min():
        scale.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        scale.set_major_formatter(lambda value, _: f"{value:g}")


def add_legend(
    axes: Axes,
    colours: Mapping[str, str],
    title: str | None,
    *,
    marker: str = "",
    styles: Mapping[str, Any] | None = None,
    longest: int = LABEL_LENGTH,
) -> None:
    """Name the colours of lines or markers beside the axes, `MOST_NAMED` at most, then styles."""
    width = 0 if marker else 1.6
    handles = [
        Line2D([], [], color=c, marker=marker, linewidth=width, label=short_label(name, longest))
        for name, c in islice(colours.items(), MOST_NAMED)
    ]
    if len(colours) > MOST_NAMED:
        label = f"and {len(colours) - MOST_NAMED:,} more"
        handles.append(Line2D([], [], linewidth=0, label=label))
    handles += [
        Line2D([], [], color=GREY, linestyle=line, linewidth=width, label=name)
        for name, line in (styles or {}).items()
    ]
    place_legend(axes, handles, None if title is None else short_label(title, longest))


def place_legend(axes: Axes, handles: Sequence[Line2D] | None, title: str | None) -> None:
    """Put a legend beside the axes, of what has a label where no handles are given."""
    legend = axes.legend(handles=handles, title=title, frameon=False, fontsize=8, title_fontsize=8)
    legend.set_loc("upper left")
    legend.set_bbox_to_anchor((1.01, 1.0))


def short_label(text: str, longest: int = LABEL_LENGTH) -> str:
    """Shorten a level, and keep matplotlib from reading mathematics in it."""
    short = printable_line(text)
    if len(short) > longest:
        short = short[: longest - 1] + "…"
    return short.replace("$", r"\$")
