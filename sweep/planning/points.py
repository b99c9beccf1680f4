"""The trials of points of a search, point by point."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sweep.config.grids.expansion import Expansion
from sweep.config.sweepfile import SweepConfig
from sweep.planning.grid import TrialGrid
from sweep.planning.product import TrialProduct
from sweep.search.draws import draw_points
from sweep.search.grid_space import Point
from sweep.search.space import Space


@dataclass(frozen=True)
class PointGrid:
    """The trials of points.

    Attributes:
        grid: the trials, each once.
        trial_ids: of each point, the identities of its trials; points may share some.
    """

    grid: TrialGrid
    trial_ids: Mapping[Point, tuple[str, ...]]


def grid_of_points(space: Space, points: Iterable[Point], expansion: Expansion) -> PointGrid:
    """Return the trials of points."""
    spanned = space.spanned(points)
    products = tuple(TrialProduct(product) for product, _ in spanned)
    trial_ids: dict[Point, list[str]] = {}
    for product, (_, owners) in zip(products, spanned, strict=True):
        each = len(product) // len(owners)
        places = np.flatnonzero(product.kept) // each
        identities, _ = product.identities()
        for place, identity in zip(places.tolist(), identities.tolist(), strict=True):
            trial_ids.setdefault(owners[place], []).append(f"{identity:016x}")
    grid = TrialGrid(products, expansion.datasets)
    return PointGrid(grid, {point: tuple(ids) for point, ids in trial_ids.items()})


def trial_ids_of_draws(config: SweepConfig) -> list[tuple[str, ...]]:
    """Return the trials of each point of a search whose points are known beforehand, in order."""
    assert config.search is not None
    space = Space(config.expansion)
    points = draw_points(space, config.search)
    found = grid_of_points(space, points, config.expansion).trial_ids
    return [found[point] for point in points]
