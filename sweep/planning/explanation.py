"""Says what a sweep compares: the factors of its grids, and the stop rules. Prints nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from sweep.components.registry import STOP_RULES
from sweep.config.grids.product import AxisProduct, GridAxis
from sweep.config.parameters.columns import COLUMNS
from sweep.planning.product import TrialProduct
from sweep.trial import PARAMETERS, Scope

MOST_LEVELS = 1_000
"""Of an axis with more values, the levels are counted and not named."""
UNTELLING = frozenset({"data_fingerprint", "sample_order"})
"""Columns that vary only with another that says it better."""
STOPS = tuple(name for name, item in PARAMETERS.items() if item.metadata["scope"] is Scope.STOP)
Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Factor:
    """What varies by itself in a grid.

    Attributes:
        names: the parameters; several where they vary together.
        size: how many levels there are.
        levels: the levels in words; none where they are very many.
    """

    names: tuple[str, ...]
    size: int
    levels: tuple[str, ...]

    @property
    def title(self) -> str:
        return "+".join(self.names)


@dataclass(frozen=True)
class GridOutline:
    """A grid of a sweep: its trials are all combinations of its factors, but for those excluded.

    Attributes:
        trials: how many are left. excluded: how many are not.
        factors: what varies, seeds last.
    """

    trials: int
    excluded: int
    factors: tuple[Factor, ...]


def outline_grid(product: TrialProduct) -> GridOutline:
    """Return what a grid combines."""
    kept = int(product.kept.sum())
    varying = (axis for axis in product.source.axes if len(axis.values) > 1)
    factors = [factor for axis in varying for factor in factors_of(axis)]
    factors.sort(key=lambda factor: "seed" in factor.names)
    return GridOutline(kept, len(product) - kept, tuple(factors))


def factors_of(axis: GridAxis) -> tuple[Factor, ...]:
    """Return the parameters of an axis that vary, those apart that combine freely."""
    names = tuple(name for name in axis.names if name not in UNTELLING)
    titles = tuple(_title(axis, name) for name in names)
    if len(axis.values) > MOST_LEVELS:
        return (Factor(titles, len(axis.values), ()),)
    rows: Rows = [
        tuple(_level(axis, name, value.columns) for name in names) for value in axis.values
    ]
    varying = [place for place in range(len(names)) if len({row[place] for row in rows}) > 1]
    together: list[list[int]] = []
    for place in varying:
        count = partial(_count, rows)
        twin = next((t for t in together if count([*t, place]) == count(t) == count([place])), None)
        if twin is None:
            together.append([place])
        else:
            twin.append(place)
    if prod(_count(rows, places) for places in together) != len(axis.values):
        together = [varying]
    return tuple(_factor(titles, rows, places) for places in together)


def _factor(names: Sequence[str], rows: Rows, places: Sequence[int]) -> Factor:
    levels = dict.fromkeys(tuple(row[place] for place in places) for row in rows)
    own = tuple(names[place] for place in places)
    return Factor(own, len(levels), tuple(" ".join(level) for level in levels))


def _count(rows: Rows, places: Sequence[int]) -> int:
    return len({tuple(row[place] for place in places) for row in rows})


def _title(axis: GridAxis, name: str) -> str:
    """Return the parameter, or its option where that alone varies."""
    options = _varying_options(axis, name)
    alone = len(options) == 1 and not _varies(axis, name)
    return options[0] if alone else name


def _level(axis: GridAxis, name: str, columns: Mapping[str, Any]) -> str:
    """Return the value of a parameter in words, with those of its options that vary."""
    options = [column for column in _varying_options(axis, name) if column in columns]
    if _title(axis, name) != name:
        return _text(columns[options[0]])
    told = name in columns and (_varies(axis, name) or not options)
    pairs = (f"{column.removeprefix(f'{name}_')}={_text(columns[column])}" for column in options)
    return " ".join([*([_text(columns[name])] if told else []), *pairs])


def _varying_options(axis: GridAxis, name: str) -> list[str]:
    own = (column for column in COLUMNS[name] if column not in {name, *UNTELLING})
    return [column for column in own if _varies(axis, column)]


def _varies(axis: GridAxis, column: str) -> bool:
    seen = {str(v.columns[column]) for v in axis.values if column in v.columns}
    return len(seen) > 1


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)


def describe_stops(products: Sequence[AxisProduct]) -> tuple[str, ...]:
    """Return, for each way in which a trial of the grids may stop, what stops it."""
    known = {column for product in products for axis in product.axes for column in axis.columns}
    wanted = [column for column in STOPS if column in known]
    found = (value.columns for product in products for value in product.combinations(*wanted))
    return tuple(dict.fromkeys(", or ".join(_stops(columns)) for columns in found))


def _stops(columns: Mapping[str, Any]) -> Iterator[str]:
    if columns.get("fixed_epochs"):
        yield f"after {columns['fixed_epochs']:,} epochs"
        return
    for name, rule in STOP_RULES.items():
        asked = rule.asked(columns)
        if asked is not None:
            options = (f"{option} {_text(value)}" for option, value in asked.items())
            yield f"{name} ({', '.join(options)})"
    if columns.get("max_epochs"):
        yield f"after {columns['max_epochs']:,} epochs"
    if columns.get("max_seconds"):
        yield f"after {columns['max_seconds']:g} s"
