"""Gives names their colours: a level of an axis has one in all figures of a report.

The colours are those of Okabe and Ito, which the colour-blind can tell apart; more levels than they
are take shades of one colour map, in order.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex

from sweep.reports.axes import Axis

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7f7f7f")
COLOUR_MAP = "viridis_r"
LIGHTEST = 0.12
"""Where the colour map begins: what is before it is too pale on white."""


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """Return a colour for each name, by its place."""
    distinct = list(dict.fromkeys(names))
    if len(distinct) <= len(PALETTE):
        return dict(zip(distinct, PALETTE, strict=False))
    return dict(zip(distinct, shades(len(distinct)), strict=True))


def level_colours(names: Iterable[str], axes: Sequence[Axis], column: str) -> dict[str, str]:
    """Return the colours of levels of a column: those of its axis, whichever of them are present.

    A column that is no axis, or whose names are not its levels, takes colours by their place.
    """
    wanted = list(dict.fromkeys(names))
    for axis in axes:
        if axis.name == column and set(wanted) <= set(axis.order):
            colours = colours_of(axis.order)
            return {level: colours[level] for level in axis.order if level in set(wanted)}
    return colours_of(wanted)


def shades(count: int) -> list[str]:
    """Return so many colours in order, the later the darker."""
    places: Any = np.linspace(LIGHTEST, 1.0, count)
    return [to_hex(colour) for colour in mpl.colormaps[COLOUR_MAP](places)]
