"""Axes of values and the grids they span."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np

from sweep.config.grids.conditions import Rule
from sweep.config.grids.matching import matching_rules
from sweep.config.grids.values import AxisValue
from sweep.config.parameters.columns import COLUMNS

CHUNK = 65_536
Wanted = Callable[[object], object]


@dataclass(frozen=True)
class GridAxis:
    """Values of which a trial takes one; they fill the columns of `names` and no others."""

    names: tuple[str, ...]
    values: Sequence[AxisValue]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(column for name in self.names for column in COLUMNS[name])


@dataclass(frozen=True)
class AxisProduct:
    """Axes whose every combination is a trial, but for those that meet a rule."""

    axes: tuple[GridAxis, ...]
    rules: tuple[Rule, ...]

    def __len__(self) -> int:
        """Return the number of combinations, those that a rule drops included."""
        return prod(len(axis.values) for axis in self.axes)

    @property
    def is_empty(self) -> bool:
        """Whether the rules drop every combination; those on columns of no axis are ignored."""
        known = frozenset[str]().union(*(axis.columns for axis in self.axes))
        rules = [rule for rule in self.rules if rule.columns <= known]
        return bool(matching_rules(rules, self.axes).all())

    def combinations(self, *columns: str, **wanted: Wanted) -> Iterator[AxisValue]:
        """Yield the distinct combinations of these columns that no rule drops on their account.

        Args:
            columns: the columns.
            wanted: for columns, which of their values to combine; all where left out.
        """
        names = frozenset(columns) | wanted.keys()
        if not wanted.keys() <= frozenset[str]().union(*(axis.columns for axis in self.axes)):
            return  # a parameter that is not given
        parts = [_projected(axis, names & axis.columns, wanted) for axis in self.axes]
        axes = [part for part in parts if part.names]
        rules = [rule for rule in self.rules if rule.columns <= names]
        sizes = tuple(len(axis.values) for axis in axes)
        dropped = matching_rules(rules, axes) if rules else None
        for start in range(0, prod(sizes), CHUNK):
            places = np.arange(start, min(start + CHUNK, prod(sizes)))
            if dropped is not None:
                places = places[~dropped[start : start + CHUNK]]
            indexes = np.unravel_index(places, sizes) if sizes else ()
            for row in zip(*(index.tolist() for index in indexes), strict=True):
                values = (axis.values[i] for axis, i in zip(axes, row, strict=True))
                yield reduce(AxisValue.joined, values, AxisValue({}))


def _projected(axis: GridAxis, columns: frozenset[str], wanted: Mapping[str, Wanted]) -> GridAxis:
    """Return the axis with the distinct of its values that are wanted, as these columns see them.

    Without a column of the axis among them, the axis is one without a name.
    """
    if not columns:
        return GridAxis((), ())
    seen: dict[tuple[object, ...], AxisValue] = {}
    names = sorted(columns)
    tests = [(name, wanted[name]) for name in names if name in wanted]
    for value in axis.values:
        get = value.columns.get
        if all(test(get(name)) for name, test in tests):
            kept = {name: value.columns[name] for name in names if name in value.columns}
            seen.setdefault(tuple(map(get, names)), AxisValue(kept, value.paths))
    return GridAxis(axis.names, tuple(seen.values()))
