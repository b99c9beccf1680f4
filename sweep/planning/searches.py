"""The trials that a search asks for, as far as they are known before any is trained."""

from dataclasses import dataclass

from sweep.config.grids.product import AxisProduct
from sweep.config.sweepfile import SweepConfig
from sweep.errors import ConfigError, Fault
from sweep.search.draws import draw_points
from sweep.search.grid_space import Point
from sweep.search.space import Space


@dataclass(frozen=True)
class SearchSummary:
    """What is searched.

    Attributes:
        proposer: what proposes points.
        budget: how many.
        distinct: how many differ; None where that shows only as they are proposed.
        dimensions: of the space, in words.
    """

    proposer: str
    budget: int
    distinct: int | None
    dimensions: tuple[str, ...]


def search_products(config: SweepConfig) -> tuple[AxisProduct, ...]:
    """Return the trials of a search, by grid.

    Those of a search that learns from results stand for the ones it will ask for: as many, drawn at
    random, by which to say what they will cost.

    Raises:
        ConfigError: too little of the space is left by exclude.
    """
    space = Space(config.expansion)
    return space.products(_points(config, space))


def summarise_search(config: SweepConfig) -> SearchSummary | None:
    """Return what is searched; None where all combinations are trained."""
    if config.search is None:
        return None
    space = Space(config.expansion)
    return SearchSummary(
        proposer=config.search.proposer,
        budget=config.search.budget,
        distinct=None if config.search.optuna else len(set(_points(config, space))),
        dimensions=tuple(map(str, space.dimensions)),
    )


def _points(config: SweepConfig, space: Space) -> list[Point]:
    assert config.search is not None
    points = draw_points(space, config.search)
    if len(points) < config.search.budget:
        must, got = f"leave {config.search.budget:,} points of the search", f"{len(points):,}"
        fault = Fault(where=f"sweep {config.name}", key="grid.exclude", must=must, got=got)
        raise ConfigError([fault])
    return points
