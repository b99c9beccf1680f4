"""Conditions on the columns of a trial, as `exclude` and `where` hold them."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import MinLen
from pydantic import AfterValidator, Field

from sweep.config.parameters.axis import must
from sweep.config.parameters.columns import find_column
from sweep.config.parameters.topology import is_one_topology
from sweep.errors import nearest
from sweep.trial import PARAMETERS, canonical

_COMPARISON = re.compile(r"\s*(<=|>=|!=|<|>)\s*(.+?)\s*")
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""The comparisons of every condition."""


@dataclass(frozen=True)
class Rule:
    """Conditions that must all hold.

    Attributes:
        conditions: the column and what its value is compared with: a value, a list of which any
            will do, or a comparison such as `"> 0.1"`.
    """

    conditions: tuple[tuple[str, Any], ...]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(column for column, _ in self.conditions)

    def holds(self, values: Mapping[str, object]) -> bool:
        """Return whether every condition holds; a column without a value is None."""
        return all(matches(values.get(column), wanted) for column, wanted in self.conditions)


def parse_rule(conditions: Mapping[str, Any]) -> Rule:
    """Return the rule of a mapping whose keys have been checked."""
    found = ((find_column(key), wanted) for key, wanted in conditions.items())
    return Rule(tuple((column, wanted) for column, wanted in found if column))


def matches(value: object, wanted: Any) -> bool:
    """Return whether a column's value is what is wanted."""
    if isinstance(wanted, list):
        return (isinstance(value, tuple) and list(value) == wanted) or any(
            matches(value, option) for option in wanted
        )
    comparison = _COMPARISON.fullmatch(wanted) if isinstance(wanted, str) else None
    if comparison:
        return _compare(value, *comparison.groups())
    if isinstance(value, bool) or isinstance(wanted, bool) or value is None or wanted is None:
        return value is wanted
    if isinstance(value, int | float):
        return bool(value == wanted)
    return bool(canonical(value).partition("@")[0] == wanted)


def comparison_of(wanted: object) -> tuple[str, float | None] | None:
    """Return the sign of a comparison and the number after it, if there is one; None for others."""
    comparison = _COMPARISON.fullmatch(wanted) if isinstance(wanted, str) else None
    return (comparison[1], _number(comparison[2])) if comparison else None


def key_of(value: object) -> object:
    """Return a key that is equal for values that conditions cannot tell apart."""
    if value is None or isinstance(value, bool):
        return type(value), value
    return value if isinstance(value, int | float) else word_of(value)


def word_of(value: object) -> str:
    """Write a value as a sweep file would."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return canonical(tuple(value) if isinstance(value, list) else value).partition("@")[0]


def mentioned_values(column: str, wanted: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the values that a condition compares with, and the place of each in a list of them."""
    several = isinstance(wanted, list) and not (column == "topology" and is_one_topology(wanted))
    for index, option in enumerate(wanted if several else [wanted]):
        place = (index,) if several else ()
        comparison = _COMPARISON.fullmatch(option) if isinstance(option, str) else None
        if comparison is None:
            yield place, option
        elif comparison[1] == "!=":
            number = _number(comparison[2])
            yield place, comparison[2] if number is None else number


def _compare(value: object, sign: str, text: str) -> bool:
    number = _number(text)
    if sign == "!=":
        return value is not None and not matches(value, text if number is None else number)
    if number is None or not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return bool(COMPARE[sign](value, number))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _check(conditions: dict[str, Any]) -> dict[str, Any]:
    for key, wanted in conditions.items():
        if find_column(key) is None:
            hint = nearest(key, list(PARAMETERS))
            raise must("name a parameter", step=key, got=key, hint=hint)
        for option in wanted if isinstance(wanted, list) else [wanted]:
            _check_wanted(key, option)
    return conditions


def _check_wanted(key: str, wanted: object) -> None:
    widths = isinstance(wanted, list) and all(isinstance(width, int) for width in wanted)
    if isinstance(wanted, dict) or (isinstance(wanted, list) and not widths):
        raise must("be a value, a list of values or a comparison such as '> 0.1'", step=key)
    comparison = _COMPARISON.fullmatch(wanted) if isinstance(wanted, str) else None
    if comparison and comparison[1] != "!=" and _number(comparison[2]) is None:
        raise must(f"compare with a number after {comparison[1]}", step=key, got=wanted)


Conditions = Annotated[
    dict[str, Any],
    MinLen(1),
    AfterValidator(_check),
    Field(
        description="columns (or optimizer.momentum and the like), each with a value, a list of "
        "values any of which will do, or a comparison such as '> 0.1'"
    ),
]
