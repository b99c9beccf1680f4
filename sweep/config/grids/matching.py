"""Finds the combinations of axes that match rules, without testing each one."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from sweep.config.grids.conditions import COMPARE, Rule, comparison_of, key_of, matches

if TYPE_CHECKING:
    from sweep.config.grids.product import GridAxis

EXACT = 2**53  # whole numbers up to here are float64 numbers


def matching_rules(
    rules: Collection[Rule], axes: Sequence["GridAxis"]
) -> Bool[np.ndarray, " combinations"]:
    """Return for each combination of the axes, the last varying fastest, whether any rule holds.

    A rule costs as much as the values that it looks at and the combinations that it holds for; of
    a column that no axis fills it sees None.
    """
    held = np.zeros(tuple(len(axis.values) for axis in axes), bool)
    indexes = [_Index(axis) for axis in axes]
    filled = frozenset[str]().union(*(axis.columns for axis in axes))
    for rule in rules:
        if not all(matches(None, wanted) for c, wanted in rule.conditions if c not in filled):
            continue
        touched = [i for i, axis in enumerate(axes) if axis.columns & rule.columns]
        places = [np.flatnonzero(indexes[i].holds(rule)) for i in touched]
        if all(map(len, places)):
            np.moveaxis(held, touched, range(len(touched)))[np.ix_(*places)] = True
    return held.reshape(-1)


class _Index:
    """The values of an axis by column."""

    def __init__(self, axis: "GridAxis") -> None:
        self.axis = axis
        self._columns: dict[str, _Column] = {}

    def holds(self, rule: Rule) -> Bool[np.ndarray, " values"]:
        """Return for each value whether the conditions on the columns of this axis hold."""
        held = np.ones(len(self.axis.values), bool)
        for name, wanted in rule.conditions:
            if name in self.axis.columns:
                held &= self._column(name).holds(wanted)
        return held

    def _column(self, name: str) -> "_Column":
        if name not in self._columns:
            self._columns[name] = _Column(value.columns.get(name) for value in self.axis.values)
        return self._columns[name]


class _Column:
    """The distinct values of an axis in a column, and their positions."""

    def __init__(self, values: Iterable[object]) -> None:
        self.distinct: dict[object, object] = {}
        codes: dict[object, int] = {}
        order = []
        for value in values:
            key = key_of(value)
            order.append(codes.setdefault(key, len(codes)))
            self.distinct.setdefault(key, value)
        self.codes, self.code = np.array(order, np.int64), codes
        plain = (isinstance(v, int | float) and not isinstance(v, bool) for v in self.distinct)
        exact = all(plain) and all(abs(v) <= EXACT for v in self.distinct)  # type: ignore[arg-type]
        self.numbers = np.array(list(self.distinct), np.float64) if exact else None

    def holds(self, wanted: Any) -> Bool[np.ndarray, " values"]:
        """Return for each value whether it is what is wanted, as `matches` has it."""
        return self._held(wanted)[self.codes]

    def _held(self, wanted: Any) -> Bool[np.ndarray, " distinct"]:
        held = np.zeros(len(self.distinct), bool)
        comparison = comparison_of(wanted)
        if comparison and comparison[0] != "!=" and self.numbers is not None:
            sign, number = comparison
            return np.asarray(COMPARE[sign](self.numbers, number), bool)
        if comparison:
            return np.fromiter((matches(v, wanted) for v in self.distinct.values()), bool)
        options = [key_of(wanted)] if isinstance(wanted, list) else []
        for option in wanted if isinstance(wanted, list) else [wanted]:
            if comparison_of(option) or isinstance(option, list):
                held |= self._held(option)
            else:
                options.append(key_of(option))
        held[[self.code[key] for key in options if key in self.code]] = True
        return held
