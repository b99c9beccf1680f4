"""Makes figures ready for print: as wide as a journal's columns, readable there, fonts embedded."""

import io
from typing import Any

import matplotlib as mpl
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from sweep.reports.figures.panels import thin_labels

FORMS = ("pdf", "svg", "png")
COLUMN_WIDTHS = (3.5, 4.72, 7.2)
"""Of one column of a journal, one and a half, and two, in inches: 89, 120 and 183 mm."""
PRINTED = 0.72
"""How large print is beside the screen: 10 points become 7.2."""
SMALLEST_FONT = 6.0
LOWEST = 0.6
"""Of the height on the screen: panels side by side become narrower, but not as much lower."""
DPI = 600
PLAIN: Any = {
    "pdf.fonttype": 42,  # TrueType, embedded: text stays text, as journals ask for
    "svg.fonttype": "path",  # outlines, as there is no telling which fonts a reader has
    "svg.hashsalt": "sweep",
}
NO_DATE: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}
"""Metadata without which the same figure gives the same bytes."""


def to_print(figure: Figure, form: str) -> bytes:
    """Render a figure for print, once it has been shown on the screen: it is changed.

    Args:
        figure: as the helpers of this package draw them.
        form: one of `FORMS`.
    """
    fit_to_columns(figure)
    thin_labels(figure)
    buffer = io.BytesIO()
    with mpl.rc_context(PLAIN):
        figure.savefig(buffer, format=form, dpi=DPI, metadata=NO_DATE[form])
    return buffer.getvalue()


def fit_to_columns(figure: Figure) -> None:
    """Make a figure as wide as the columns that it needs, and its text and lines finer with it."""
    width, height = figure.get_size_inches()
    wanted = width * PRINTED
    column = next((c for c in COLUMN_WIDTHS if c * 1.05 >= wanted), COLUMN_WIDTHS[-1])
    figure.set_size_inches(column, height * max(LOWEST, min(PRINTED, column / width)))
    for axes in figure.axes:
        for scale in (axes.xaxis, axes.yaxis):
            labels = scale.get_ticklabels()
            if labels:
                size = max(SMALLEST_FONT, PRINTED * float(labels[0].get_fontsize()))
                scale.set_tick_params(labelsize=size, pad=2, width=0.6)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_fontsize(max(SMALLEST_FONT, PRINTED * float(text.get_fontsize())))
    for line in figure.findobj(Line2D):
        assert isinstance(line, Line2D)
        line.set_linewidth(PRINTED * line.get_linewidth())
        line.set_markersize(PRINTED * line.get_markersize())
    for points in figure.findobj(PathCollection):
        assert isinstance(points, PathCollection)
        points.set_sizes(PRINTED**2 * points.get_sizes())
