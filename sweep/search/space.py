"""The space of a search: the union of what its grids span. Knows nothing of what chooses points."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool

from sweep.config.grids.expansion import Expansion
from sweep.config.grids.product import AxisProduct
from sweep.search.dimensions import Choose, Dimension, Dimensions
from sweep.search.grid_space import GridSpace, Point


class Space:
    """What the grids of a search span.

    Attributes:
        dimensions: what is chosen; where there are several grids, first which.
    """

    def __init__(self, expansion: Expansion) -> None:
        found = Dimensions()
        pairs = list(zip(expansion.choices, expansion.products, strict=True))
        names = tuple(f"grid {index}" for index in range(len(pairs)))
        self._grid = found.choice("grid", names)
        prefixes = [f"{name}: " for name in names] if self._grid else [""]
        self._grids = [
            GridSpace(index, *pair, found, prefix)
            for index, (pair, prefix) in enumerate(zip(pairs, prefixes, strict=True))
        ]
        self.dimensions: tuple[Dimension, ...] = tuple(found.found)

    def choose(self, choose: Choose) -> Point:
        """Return the point that is chosen, asking for no dimension that it does not have."""
        grid = int(choose(self._grid)) if self._grid else 0
        return self._grids[grid].choose(choose)

    def recognise(self, columns: Mapping[str, object]) -> dict[Dimension, float] | None:
        """Return what would have to be chosen for a trial of these columns; None if nothing is."""
        for index, grid in enumerate(self._grids):
            if (chosen := grid.recognise(columns)) is not None:
                return ({self._grid: index} if self._grid else {}) | chosen
        return None

    def kept(self, points: Sequence[Point]) -> Bool[np.ndarray, " points"]:
        """Return whether each point has a trial: exclude drops none or not all of its seeds."""
        kept = np.zeros(len(points), bool)
        for index, grid in enumerate(self._grids):
            rows = [row for row, point in enumerate(points) if point.grid == index]
            kept[rows] = grid.kept([points[row] for row in rows])
        return kept

    def products(self, points: Iterable[Point]) -> tuple[AxisProduct, ...]:
        """Return the trials of points by grid, each point once and in order."""
        return tuple(product for product, _ in self.spanned(points))

    def spanned(self, points: Iterable[Point]) -> list[tuple[AxisProduct, list[Point]]]:
        """Return the trials of points by grid, and of which point each value is.

        The points are those of the values of the first axis.
        """
        by_grid: dict[int, list[Point]] = {}
        for point in dict.fromkeys(points):
            by_grid.setdefault(point.grid, []).append(point)
        return [self._grids[grid].product(own) for grid, own in sorted(by_grid.items())]
