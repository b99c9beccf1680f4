"""The part of a search space that one grid spans: its axes, and the trials of its points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, product

import numpy as np
from jaxtyping import Bool

from sweep.config.grids.conditions import word_of
from sweep.config.grids.matching import matching_rules
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.config.grids.values import AxisValue
from sweep.config.parameters.interval import Interval
from sweep.datasets import DatasetSpec
from sweep.search.dimensions import Choose, Dimension, Dimensions

Places = tuple[int, ...]
Numbers = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Point:
    """A value of every parameter but the seed.

    Attributes:
        grid: which grid it is of.
        places: of each axis of the grid, the place of the value.
        numbers: what was drawn from intervals, by column.
    """

    grid: int
    places: Places
    numbers: Numbers


@dataclass(frozen=True)
class _Item:
    """A value as the sweep file has it, of whose options several values of an axis may be made.

    Attributes:
        places: of these values in the axis. variant: chooses among them, if there are several.
        drawn: the columns that are drawn from intervals.
    """

    places: Places
    variant: Dimension | None
    drawn: tuple[tuple[str, Dimension], ...]


@dataclass(frozen=True)
class _Choice:
    """An axis as a search sees it: an item is chosen, then its options."""

    items: tuple[_Item, ...]
    item: Dimension | None

    def choose(self, choose: Choose) -> tuple[int, Numbers]:
        """Return the place of the value chosen, and what was drawn for it."""
        item = self.items[int(choose(self.item)) if self.item else 0]
        place = item.places[int(choose(item.variant)) if item.variant else 0]
        return place, tuple((column, choose(dimension)) for column, dimension in item.drawn)


class GridSpace:
    """What one grid of a search spans.

    Args:
        index: its place among the grids.
        given: its axes; their values know their places.
        settled: the same, those that constrain each other joined.
        dimensions: takes its dimensions.
        prefix: of their names.
    """

    def __init__(
        self,
        index: int,
        given: AxisProduct,
        settled: AxisProduct,
        dimensions: Dimensions,
        prefix: str,
    ) -> None:
        self._index = index
        self._rules = settled.rules
        self._axes = [axis for axis in given.axes if "seed" not in axis.names]
        self._choices = [_choice_of(axis, dimensions, prefix) for axis in self._axes]
        varying = {
            name
            for axis, choice in zip(self._axes, self._choices, strict=True)
            if len(axis.values) > 1 or choice.items[0].drawn
            for name in axis.names
        }
        self._still = [axis for axis in settled.axes if not set(axis.names) & varying]
        self._joints = [_Joint(a, self._axes) for a in settled.axes if set(a.names) & varying]

    def choose(self, choose: Choose) -> Point:
        """Return the point that is chosen."""
        chosen = [choice.choose(choose) for choice in self._choices]
        numbers = tuple(number for _, drawn in chosen for number in drawn)
        return Point(self._index, tuple(place for place, _ in chosen), numbers)

    def kept(self, points: Sequence[Point]) -> Bool[np.ndarray, " points"]:
        """Return whether each point has a trial: exclude drops none or not all of its seeds."""
        values = [self._values(point) for point in points]
        owners = np.repeat(np.arange(len(points)), [len(each) for each in values])
        axes = (self._axis(value for each in values for value in each), *self._still)
        dropped = matching_rules(self._rules, axes).reshape(len(owners), -1).all(axis=1)
        kept = np.zeros(len(points), bool)
        kept[owners[~dropped]] = True
        return kept

    def product(self, points: Iterable[Point]) -> tuple[AxisProduct, list[Point]]:
        """Return the trials of points, and of which point each value of the first axis is."""
        pairs = [(value, point) for point in points for value in self._values(point)]
        axis = self._axis(value for value, _ in pairs)
        return AxisProduct((axis, *self._still), self._rules), [point for _, point in pairs]

    def _axis(self, values: Iterable[AxisValue]) -> GridAxis:
        return GridAxis(tuple(n for joint in self._joints for n in joint.names), tuple(values))

    def _values(self, point: Point) -> list[AxisValue]:
        """Return a point as values of one axis: several where its seeds bring more than a seed."""
        numbers = dict(point.numbers)
        parts = [joint.values(point.places, numbers) for joint in self._joints]
        return [reduce(AxisValue.joined, row, AxisValue({})) for row in product(*parts)]


class _Joint:
    """An axis of the settled grid, whose values are found by those of the axes it was made of."""

    def __init__(self, axis: GridAxis, axes: Sequence[GridAxis]) -> None:
        self.names = axis.names
        parts = [i for i, part in enumerate(axes) if set(part.names) <= set(axis.names)]
        self._parts = [(i, axes[i].names[0]) for i in parts]
        self._values: dict[Places, list[AxisValue]] = {}
        for value in axis.values:
            assert value.places is not None
            key = tuple(value.places[name] for _, name in self._parts)
            self._values.setdefault(key, []).append(value)

    def values(self, places: Places, numbers: Mapping[str, float]) -> list[AxisValue]:
        """Return the values that stand for a point, one for each seed if seeds are part of it.

        There is none for what is excluded, or the same as another combination.
        """
        found = self._values.get(tuple(places[i] for i, _ in self._parts), [])
        return [value.with_columns(_drawn(value, numbers)) for value in found]


def _drawn(value: AxisValue, numbers: Mapping[str, float]) -> dict[str, float]:
    columns = value.columns
    return {n: v for n, v in numbers.items() if isinstance(columns.get(n), Interval)}


def _choice_of(axis: GridAxis, dimensions: Dimensions, prefix: str) -> _Choice:
    """Return how an axis is chosen from, its dimensions added in their order."""
    name = prefix + "+".join(axis.names)
    groups = _items(axis)
    labels = tuple(_label(axis, group) for group in groups)
    item = dimensions.choice(name, labels)
    items = []
    for group, label in zip(groups, labels, strict=True):
        owner = f" of {label}" if len(groups) > 1 else ""
        values = [axis.values[place] for place in group]
        variants = tuple(_difference(value, values) for value in values)
        variant = dimensions.choice(f"{name} options{owner}", variants)
        drawn = {n: v for value in values for n, v in value.columns.items()}
        intervals = {n: v for n, v in drawn.items() if isinstance(v, Interval)}
        columns = {n: f"{prefix}{n}" + (owner if n != axis.names[0] else "") for n in intervals}
        found = [(n, dimensions.interval(columns[n], v)) for n, v in intervals.items()]
        items.append(_Item(group, variant, tuple(found)))
    return _Choice(tuple(items), item)


def _items(axis: GridAxis) -> list[Places]:
    """Return the places of each value as it was given; what is zipped is given one by one."""
    if len(axis.names) > 1:
        return [(place,) for place in range(len(axis.values))]
    (name,) = axis.names
    groups = groupby(range(len(axis.values)), key=lambda place: axis.values[place].paths[name])
    return [tuple(group) for _, group in groups]


def _label(axis: GridAxis, group: Places) -> str:
    """Return what to call a value in words."""
    columns = axis.values[group[0]].columns
    values = [columns[name] for name in axis.names if name in columns]
    return " ".join(map(_word, values)) or f"{axis.names[0]} {group[0]}"


def _difference(value: AxisValue, values: Sequence[AxisValue]) -> str:
    """Return in words in which columns a value differs from others of its item."""
    varying = {n: v for n, v in value.columns.items() if any(v != o.columns.get(n) for o in values)}
    return " ".join(f"{name} {_word(v)}" for name, v in varying.items())


def _word(value: object) -> str:
    if isinstance(value, DatasetSpec):
        return value.name
    return str(value) if isinstance(value, Interval) else word_of(value)
