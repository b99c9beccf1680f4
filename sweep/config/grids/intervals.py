"""Finds intervals where no search may draw from them."""

from collections.abc import Iterator

from sweep.config.grids.values import Problem
from sweep.config.parameters.axis import Block
from sweep.config.parameters.columns import NAMES
from sweep.config.parameters.components import OwnChoice
from sweep.config.parameters.data_sets import Source
from sweep.config.parameters.interval import Interval
from sweep.config.sweepfile import SweepConfig
from sweep.config.yaml_source import TreePath

LISTED = "give a list of values, of which the search chooses"
UNDRAWN = {"seed": "replicates: every point is trained with all seeds", "pretraining": LISTED}
"""Parameters whose numbers no search draws, and what to give in place of an interval."""


def interval_problems(config: SweepConfig) -> Iterator[Problem]:
    """Yield the problem of each interval of a sweep that nothing can draw from."""
    for path, value, owner in _intervals(config):
        if config.search is None:
            must, hint = "be numbers, a list or a range where there is no search", "add search"
        elif path[0] == "fixed":
            must, hint = "hold one value", "put what should vary in grid"
        elif isinstance(owner, Source):
            must, hint = "be numbers or a list: every choice of data is a data set", LISTED
        elif isinstance(owner, OwnChoice):
            must, hint = "be numbers or a list in options of your own code", LISTED
        elif (name := next(str(step) for step in path if step in NAMES)) in UNDRAWN:
            must, hint = "be no interval", UNDRAWN[name]
        else:
            continue
        yield Problem(path=path, must=must, got=str(value), hint=hint)


def _intervals(config: SweepConfig) -> Iterator[tuple[TreePath, Interval, Block]]:
    yield from _within(config.fixed, ("fixed",))
    for index, grid in enumerate(config.grid):
        yield from _within(grid, ("grid", index))
    for name in ("dataset", "convergence"):
        yield from _found(getattr(config, name), (name,), config)


def _within(block: Block, path: TreePath) -> Iterator[tuple[TreePath, Interval, Block]]:
    for name in type(block).model_fields:
        yield from _found(getattr(block, name), (*path, name), block)


def _found(
    value: object, path: TreePath, owner: Block
) -> Iterator[tuple[TreePath, Interval, Block]]:
    if isinstance(value, Interval):
        yield path, value, owner
    elif isinstance(value, Block):
        yield from _within(value, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, Interval | Block):
                yield from _found(item, (*path, index), owner)
