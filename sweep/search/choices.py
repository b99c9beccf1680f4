"""How a search chooses a value of an axis: first what the file lists, then its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sweep.config.grids.conditions import word_of
from sweep.config.grids.product import GridAxis
from sweep.config.grids.values import AxisValue
from sweep.config.parameters.interval import Interval
from sweep.datasets import DatasetSpec
from sweep.search.dimensions import Choose, Dimension, Dimensions

Places = tuple[int, ...]
Numbers = tuple[tuple[str, float], ...]


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
class AxisChoice:
    """An axis as a search sees it: an item is chosen, then its options."""

    items: tuple[_Item, ...]
    item: Dimension | None

    def choose(self, choose: Choose) -> tuple[int, Numbers]:
        """Return the place of the value chosen, and what was drawn for it."""
        item = self.items[int(choose(self.item)) if self.item else 0]
        place = item.places[int(choose(item.variant)) if item.variant else 0]
        return place, tuple((column, choose(dimension)) for column, dimension in item.drawn)

    def chosen(self, place: int, columns: Mapping[str, object]) -> dict[Dimension, float]:
        """Return what was chosen for the value at a place, in a trial of these columns."""
        number, item = next((i, item) for i, item in enumerate(self.items) if place in item.places)
        chosen: dict[Dimension, Any] = {self.item: number} if self.item else {}
        chosen |= {item.variant: item.places.index(place)} if item.variant else {}
        return chosen | {dimension: columns[column] for column, dimension in item.drawn}


def choice_of(axis: GridAxis, dimensions: Dimensions, prefix: str) -> AxisChoice:
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
    return AxisChoice(tuple(items), item)


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
