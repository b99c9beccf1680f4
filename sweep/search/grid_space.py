"""The part of a search space that one grid spans: its axes, and the trials of its points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product

import numpy as np
from jaxtyping import Bool

from sweep.config.grids.matching import matching_rules
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.config.grids.values import AxisValue
from sweep.config.parameters.interval import Interval
from sweep.search.choices import Numbers, Places, choice_of
from sweep.search.dimensions import Choose, Dimension, Dimensions
from sweep.trial import PARAMETERS, Scope

LABELS = frozenset(n for n, item in PARAMETERS.items() if item.metadata["scope"] is Scope.LABEL)


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
        self._choices = [choice_of(axis, dimensions, prefix) for axis in self._axes]
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

    def recognise(self, columns: Mapping[str, object]) -> dict[Dimension, float] | None:
        """Return what was chosen for a trial of these columns; None if it is none of this grid."""
        places: dict[str, int] = {}
        for axis in self._still:
            if axis.names != ("seed",) and not any(_fits(value, columns) for value in axis.values):
                return None
        for joint in self._joints:
            found = joint.recognise(columns)
            if found is None:
                return None
            places |= found
        chosen: dict[Dimension, float] = {}
        for axis, choice in zip(self._axes, self._choices, strict=True):
            if axis.names[0] in places:
                chosen |= choice.chosen(places[axis.names[0]], columns)
        return chosen

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

    def recognise(self, columns: Mapping[str, object]) -> Mapping[str, int] | None:
        """Return the places of the value that a trial of these columns has; None if it has none."""
        values = (value for values in self._values.values() for value in values)
        return next((value.places for value in values if _fits(value, columns)), None)

    def values(self, places: Places, numbers: Mapping[str, float]) -> list[AxisValue]:
        """Return the values that stand for a point, one for each seed if seeds are part of it.

        There is none for what is excluded, or the same as another combination.
        """
        found = self._values.get(tuple(places[i] for i, _ in self._parts), [])
        return [value.with_columns(_drawn(value, numbers)) for value in found]


def _drawn(value: AxisValue, numbers: Mapping[str, float]) -> dict[str, float]:
    columns = value.columns
    return {n: v for n, v in numbers.items() if isinstance(columns.get(n), Interval)}


def _fits(value: AxisValue, columns: Mapping[str, object]) -> bool:
    """Return whether a trial has what a value puts into columns, labels and the seed apart."""
    telling = (n for n in value.columns if n != "seed" and n not in LABELS)
    return all(_is_of(value.columns[name], columns.get(name)) for name in telling)


def _is_of(wanted: object, value: object) -> bool:
    if isinstance(wanted, Interval):
        return isinstance(value, int | float) and wanted.low <= value <= wanted.high
    return wanted == value
