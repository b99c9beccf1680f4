"""Draws a number for each pair of levels of two axes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from sweep.reports.axes import Axis
from sweep.reports.figures.panels import INK, make_panels, short_label

MOST_LEVELS = 20
COLOUR_MAP = "cividis"
DARK = 0.6
"""Brightness below which text is white."""
RED, GREEN, BLUE = 0.299, 0.587, 0.114


def draw_heatmap(
    values: pd.DataFrame, counts: pd.DataFrame, rows: Axis, columns: Axis, label: str
) -> Figure:
    """Draw a cell for each pair of levels: its colour and text are its value, below it the count.

    Args:
        values: a row a level of `rows`, a column a level of `columns`; nan where there is none.
        counts: how many trials a value is of.
        rows: the axis from top to bottom, of which `MOST_LEVELS` levels are drawn.
        columns: that from left to right, likewise.
        label: what to call a value.
    """
    width, height = heatmap_size(values)
    figure, (panel,) = make_panels(1, width=width, height=height)
    plot_heatmap(panel, values, counts, rows, columns, label)
    return figure


def heatmap_size(values: pd.DataFrame) -> tuple[float, float]:
    """Return the width and height in inches that the cells take."""
    rows, columns = (min(count, MOST_LEVELS) for count in values.shape)
    return max(3.2 + 0.85 * columns, 5.0), max(1.3 + 0.42 * rows, 3.0)


def plot_heatmap(
    panel: Axes, values: pd.DataFrame, counts: pd.DataFrame, rows: Axis, columns: Axis, label: str
) -> None:
    """Draw what `draw_heatmap` does on axes that are there, a scale of colours beside them."""
    shown = values.iloc[:MOST_LEVELS, :MOST_LEVELS]
    table = shown.to_numpy(np.float64)
    panel.grid(visible=False)
    image = panel.imshow(
        np.ma.masked_invalid(table), cmap=COLOUR_MAP, norm=_norm(table), aspect="auto"
    )
    panel.set_facecolor("#f4f4f4")
    panel.set_xticks(range(table.shape[1]), [short_label(str(v)) for v in shown.columns])
    panel.set_yticks(range(table.shape[0]), [short_label(str(v)) for v in shown.index])
    if max(map(len, map(str, shown.columns))) > 9:
        panel.tick_params("x", rotation=35)
        for text in panel.get_xticklabels():
            text.set(horizontalalignment="right", rotation_mode="anchor")
    panel.set(xlabel=columns.name, ylabel=rows.name)
    _write_cells(panel, table, counts.to_numpy(), image.to_rgba(table))
    if np.isfinite(table).any():
        assert panel.figure is not None
        bar = panel.figure.colorbar(image, ax=panel, label=label)
        bar.ax.tick_params(labelsize=8)


def _norm(table: np.ndarray) -> Normalize:
    known = table[np.isfinite(table)]
    if len(known) and known.min() > 0 and known.max() > 10 * known.min():
        return LogNorm(known.min(), known.max())
    return Normalize(known.min(), known.max()) if len(known) else Normalize()


def _write_cells(panel: Axes, table: np.ndarray, counts: np.ndarray, colours: np.ndarray) -> None:
    for (row, column), value in np.ndenumerate(table):
        if not counts[row, column]:
            continue
        bright = float(np.dot(colours[row, column, :3], (RED, GREEN, BLUE)))
        ink = "white" if np.isfinite(value) and bright < DARK else INK
        told = f"{value:.2g}" if np.isfinite(value) else "diverged"
        text = f"{told}\n({counts[row, column]:,})"
        panel.text(column, row, text, ha="center", va="center", fontsize=7, color=ink)
