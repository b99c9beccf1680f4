"""Finds where a sweep file has the values of an axis, and continues them beyond an end."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sweep.components.columns import column_of
from sweep.components.registry import FAMILIES
from sweep.config.overrides import apply_overrides
from sweep.config.yaml_source import Document, TreePath, parse_document
from sweep.errors import ConfigError, SweepError
from sweep.printable import DIGITS
from sweep.reports.recorded import recorded_files
from sweep.store.places.layout import ResultsDir

ROUNDED = 3
"""Digits of a value that is suggested."""
LARGEST = 100.0
"""Times the last value that the next may be."""
DECADE = 10.0
"""Times by which the range of a search on a logarithmic scale is widened."""
BLOCKS = ("grid", "fixed", "search")


@dataclass(frozen=True)
class Place:
    """Where a sweep file says what values an axis has.

    Attributes:
        key: as overrides name it, such as `grid.learning_rate` or `grid.0.batch_size`.
        line: of the file; None where the command line says it.
        wider: the values and more, as YAML has them.
    """

    key: str
    line: int | None
    wider: Any


@dataclass(frozen=True)
class _File:
    """A sweep file, and the changes that the command line made to it."""

    text: str
    overrides: tuple[str, ...]


def widened(
    directory: ResultsDir, axis: str, values: Sequence[float], *, up: bool
) -> list[Place] | None:
    """Return where the sweep file as it was last run has an axis, with a value more each.

    Args:
        directory: the results.
        axis: column of the axis.
        values: the axis' values, ascending.
        up: whether to continue above the greatest, rather than below the least.

    Returns:
        The places whose values reach to that end; empty where the file is not known, None where no
        wider one would be valid.
    """
    try:
        for text, overrides in recorded_files(directory):
            return _places(_File(text, tuple(overrides)), axis, values, up)
    except SweepError:
        pass
    return []


def continued(values: Sequence[float], *, up: bool) -> float:
    """Return the value after the last, or before the first, in even or proportional steps.

    Args:
        values: at least two, ascending.
        up: whether after the last.
    """
    last, before = (values[-1], values[-2]) if up else (values[0], values[1])
    if _is_log(values):
        factor = last / before
        return _rounded(last * min(max(factor, 1 / LARGEST), LARGEST))
    return _rounded(last + (last - before))


def _places(file: _File, axis: str, values: Sequence[float], up: bool) -> list[Place] | None:
    document = apply_overrides(parse_document(file.text, source=""), file.overrides)
    places, refused = [], False
    for path, value in _values_at(document.tree, _tails(axis), ()):
        wider = _wider(value, values, up)
        if wider is None:
            continue
        place = Place(".".join(map(str, path)), _line(document, path), wider)
        if _is_valid(file, place):
            places.append(place)
        else:
            refused = True
    if refused and not places:
        return None
    return list({(place.line or place.key): place for place in places}.values())


def _tails(axis: str) -> set[tuple[str, ...]]:
    """Return the keys that a column may have in a file: its own, and of what it is an option."""
    tails: set[tuple[str, ...]] = {(axis,)}
    for family, components in FAMILIES.items():
        for component in components.values():
            options = [option for option in component.options if column_of(family, option) == axis]
            tails |= {(family, option) for option in options}
    return tails


def _values_at(
    node: Any, tails: set[tuple[str, ...]], path: TreePath
) -> Iterator[tuple[TreePath, Any]]:
    """Yield the paths below the blocks of a file that end as asked, and what stands there."""
    names = tuple(step for step in path if isinstance(step, str))
    told = bool(path) and not isinstance(path[-1], int)
    if told and any(names[1:][-len(tail) :] == tail for tail in tails):
        yield path, node
    children: Iterable[tuple[str | int, Any]] = ()
    if isinstance(node, dict):
        children = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    for step, child in children:
        if path or step in BLOCKS:
            yield from _values_at(child, tails, (*path, step))


def _wider(node: Any, values: Sequence[float], up: bool) -> Any:
    """Return the values of a file with one more at an end; None where they do not reach it."""
    end = values[-1] if up else values[0]
    if isinstance(node, list) and len(node) > 1 and all(map(_is_number, node)):
        if not math.isclose(max(node) if up else min(node), end, rel_tol=1e-6):
            return None
        new = _like(continued(sorted(node), up=up), node)
        ascending = node[0] <= node[-1]
        return [*node, new] if up == ascending else [new, *node]
    if not isinstance(node, dict):
        return None
    if {"from", "to"} <= node.keys():
        return _wider_range(node, end, up)
    for scale in ("log", "linear"):
        inner = node.get(scale)
        if isinstance(inner, dict) and {"from", "to", "count"} <= inner.keys():
            return _wider_steps(scale, inner, end, up)
    return None


def _wider_steps(scale: str, node: dict[str, Any], end: float, up: bool) -> Any:
    """Return so many values in even or proportional steps, with one more at an end."""
    low, high, steps = node["from"], node["to"], node["count"] - 1
    if steps < 1 or not math.isclose(high if up else low, end, rel_tol=1e-6):
        return None
    if scale == "log":
        step = (high / low) ** (1 / steps)
        moved = high * step if up else low / step
    else:
        step = (high - low) / steps
        moved = high + step if up else low - step
    name = "to" if up else "from"
    return {scale: {"from": low, "to": high, name: _rounded(moved), "count": steps + 2}}


def _wider_range(node: dict[str, Any], end: float, up: bool) -> Any:
    """Return the interval of a search, a decade or half its width wider; it is drawn from."""
    low, high = node["from"], node["to"]
    if not (_is_number(low) and _is_number(high) and low <= end <= high):
        return None
    if node.get("log"):
        moved = high * DECADE if up else low / DECADE
    else:
        moved = high + (high - low) / 2 if up else low - (high - low) / 2
    name = "to" if up else "from"
    return node | {name: _like(_rounded(moved), [low, high])}


def _is_valid(file: _File, place: Place) -> bool:
    from sweep.config import parse_config

    try:
        parse_config(file.text, (*file.overrides, f"{place.key}={write_flow(place.wider)}"))
    except ConfigError:
        return False
    return True


def write_flow(value: Any) -> str:
    """Return plain values as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {write_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_flow, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _line(document: Document, path: TreePath) -> int | None:
    text = document.where(path).rpartition(":")[2]
    return int(text) if text.isdecimal() else None


def _is_log(values: Sequence[float]) -> bool:
    """Return whether steps are rather proportional than even."""
    if min(values) <= 0:
        return False
    if len(values) == 2:
        return values[1] >= DECADE / 2 * values[0]
    even = [b - a for a, b in pairwise(values)]
    proportional = [math.log(b / a) for a, b in pairwise(values)]
    return _unevenness(proportional) < _unevenness(even)


def _unevenness(steps: Sequence[float]) -> float:
    return (max(steps) - min(steps)) / (sum(steps) / len(steps))


def _rounded(value: float) -> float:
    return float(f"{value:.{ROUNDED}g}")


def _like(value: float, others: Sequence[Any]) -> float | int:
    """Return a whole number where all others are."""
    return round(value) if all(isinstance(other, int) for other in others) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
