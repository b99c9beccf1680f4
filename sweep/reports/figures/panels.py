"""What all figures of a report share: panels, scales, legends and labels."""

import io
import textwrap
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

MOST_NAMED = 16
PANELS_ACROSS = 3
LABEL_LENGTH = 22
LINE_LENGTH = 36
DPI = 130
GAP = 3
"""Pixels between two labels of an axis, at least."""
DECADES = 2
"""Powers of ten below which 3 is marked between 1 and 10: an axis needs two marks or more."""
INK, FAINT, GREY = "#333333", "#dddddd", "#7f7f7f"


def make_panels(count: int, *, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure of that size, in inches, with so many panels, `PANELS_ACROSS` in a row."""
    across = min(count, PANELS_ACROSS)
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    panels = list(figure.subplots(-(-count // across), across, squeeze=False).ravel())
    for unused in panels[count:]:
        unused.remove()
    for panel in panels[:count]:
        dress(panel)
    return figure, panels[:count]


def dress(panel: Axes) -> None:
    """Give a panel the looks of all figures."""
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color("#999999")
    panel.tick_params(colors=INK, labelsize=8)
    panel.grid(color=FAINT, linewidth=0.6)
    panel.set_axisbelow(True)


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


def place_outside_legend(figure: Figure, handles: Sequence[Line2D], title: str | None) -> None:
    """Put a legend beside all panels of a figure."""
    figure.legend(
        handles=handles, title=title, loc="outside right center", frameon=False, fontsize=8
    )


def short_label(text: str, longest: int = LABEL_LENGTH) -> str:
    """Shorten a level, and keep matplotlib from reading mathematics in it."""
    short = printable_line(text)
    if len(short) > longest:
        short = short[: longest - 1] + "…"
    return short.replace("$", r"\$")


def wrapped_label(text: str) -> str:
    """Break a label into short lines, and keep matplotlib from reading mathematics in it."""
    return textwrap.fill(printable_line(text), LINE_LENGTH).replace("$", r"\$")


def to_png(figure: Figure) -> bytes:
    """Render a figure; the same figure gives the same bytes."""
    thin_labels(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def thin_labels(figure: Figure) -> None:
    """Leave out marks of an axis until no two of their labels touch."""
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)  # drawing would do so, too, and much that is not asked for here
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
