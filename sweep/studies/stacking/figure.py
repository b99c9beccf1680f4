"""Draws the final losses of deep and pretrained networks by depth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweep.reports.axes import Axis
from sweep.reports.figures.palette import level_colours
from sweep.reports.figures.panels import PANELS_ACROSS
from sweep.reports.figures.points import Points, draw_points
from sweep.reports.groups import PLAIN, Group
from sweep.studies.stacking.cells import DEEP, Cell, ways_of
from sweep.trial import PARAMETERS

NONE = str(PARAMETERS["pretraining"].metadata["neutral"])
WIDTH = 1.2
"""Of what a depth takes on the axis, where depths are 2 apart."""


def draw_stacking(
    settings: Sequence[tuple[Group, Sequence[Cell]]], axes: Sequence[Axis] = ()
) -> Figure:
    """Draw a point a trial: a panel a setting, a colour a way, its trials from best to worst.

    Args:
        settings: at least one, of which `PANELS_ACROSS` are drawn.
        axes: of the report, for the colours of the kinds of pretraining.
    """
    shown = settings[:PANELS_ACROSS]
    ways = ways_of({cell.way for _, cells in shown for cell in cells})
    kinds = {way: NONE if way == DEEP else way for way in ways}
    colours = level_colours(kinds.values(), axes, "pretraining")
    panels = [_panel(group, cells, ways) for group, cells in shown]
    figure = draw_points(panels, {way: colours[kind] for way, kind in kinds.items()})
    for panel, (_, cells) in zip(figure.axes, shown, strict=True):
        panel.set_xticks(sorted({cell.depth for cell in cells}))
    return figure


def _panel(group: Group, cells: Sequence[Cell], ways: Sequence[str]) -> Points:
    """Return one panel that names every way, so that colours agree between panels."""
    groups = {}
    for place, way in enumerate(ways):
        mine = [_column(cell, place, len(ways)) for cell in cells if cell.way == way]
        groups[way] = pd.concat(mine) if mine else pd.DataFrame({"x": [], "y": []}, dtype=float)
    title = "" if group.label == PLAIN else group.label
    return Points(title, "layers of weights", "final loss", groups)


def _column(cell: Cell, place: int, count: int) -> pd.DataFrame:
    """Return the losses of a cell in its share of the width of a depth."""
    share = WIDTH / count
    within = np.linspace(0.1, 0.9, len(cell.losses))
    x = cell.depth - WIDTH / 2 + share * (place + within)
    return pd.DataFrame({"x": x, "y": np.sort(cell.losses.to_numpy())})
