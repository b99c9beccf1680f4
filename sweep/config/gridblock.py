"""Axes of values and the grids they span. Knows nothing of where they were written."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import product

from sweep.config.columns import COLUMNS
from sweep.config.conditions import Rule
from sweep.config.values import Value


@dataclass(frozen=True)
class GridAxis:
    """Values of which a trial takes one; they fill the columns of `names` and no others."""

    names: tuple[str, ...]
    values: tuple[Value, ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(column for name in self.names for column in COLUMNS[name])


@dataclass(frozen=True)
class GridBlock:
    """Axes whose every combination is a trial, but for those that meet a rule."""

    axes: tuple[GridAxis, ...]
    rules: tuple[Rule, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the rules drop every combination, those aside that name what no axis fills."""
        known = frozenset[str]().union(*(axis.columns for axis in self.axes))
        rules = [rule for rule in self.rules if rule.columns <= known]
        # Values of which the same rules hold are judged once.
        kinds = [
            {
                tuple(rule.holds_so_far(value.columns, axis.columns) for rule in rules)
                for value in axis.values
            }
            for axis in self.axes
        ]
        return all(any(map(all, zip(*held, strict=True))) for held in product(*kinds))

    def combinations(self, *columns: str) -> Iterator[Value]:
        """Yield the distinct combinations of these columns that no rule drops on their account."""
        parts = [_projected(axis, axis.columns & set(columns)) for axis in self.axes]
        known = frozenset(columns)
        rules = [rule for rule in self.rules if rule.columns <= known]
        for values in product(*(part for part in parts if part)):
            value = reduce(Value.joined, values, Value({}))
            if not any(rule.holds(value.columns) for rule in rules):
                yield value


def _projected(axis: GridAxis, columns: frozenset[str]) -> list[Value]:
    """Return the distinct values of an axis as these columns see them."""
    if not columns:
        return []
    seen: dict[tuple[object, ...], Value] = {}
    names = sorted(columns)
    for value in axis.values:
        kept = {name: value.columns[name] for name in names if name in value.columns}
        seen.setdefault(tuple(kept.get(name) for name in names), Value(kept, value.paths))
    return list(seen.values())
