"""Finds values in conditions that no trial has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from sweep.config.faults import written
from sweep.config.grids.conditions import key_of, mentioned_values, word_of
from sweep.config.grids.product import AxisProduct
from sweep.config.grids.values import Problem
from sweep.config.parameters.columns import find_column
from sweep.config.yaml_source import TreePath
from sweep.datasets import DatasetSpec, load_data
from sweep.errors import nearest

VALUES_NAMED = 5
Held = Mapping[object, object]


def unknown_values(
    rules: Sequence[Mapping[str, Any]],
    path: TreePath,
    *,
    products: Sequence[AxisProduct],
    datasets: Mapping[str, DatasetSpec],
) -> Iterator[Problem]:
    """Yield each word in conditions that no trial can have: a misspelling, most likely.

    Numbers, widths and the names that sweep knows may be of values that an override took out.

    Args:
        rules: conditions as written, their keys checked.
        path: of the list of rules.
        products: the grids whose trials the conditions are about.
        datasets: how to load the data of each fingerprint.
    """
    held: dict[str, Held] = {}
    for index, conditions in enumerate(rules):
        for key, wanted in conditions.items():
            column = find_column(key)
            assert column is not None
            if column not in held:
                held[column] = _held(column, products, datasets)
            for place, value in mentioned_values(column, wanted):
                if held[column] and key_of(value) not in held[column] and not _may_be_meant(value):
                    yield _unknown((*path, index, key, *place), value, held[column])


def _may_be_meant(value: object) -> bool:
    if not isinstance(value, str) or value in _known_words():
        return True
    return re.fullmatch(r"\d+(-\d+)+", value) is not None


@cache
def _known_words() -> frozenset[str]:
    """Return every name that a sweep file can choose, from its schema."""
    from sweep.config.sweepfile import SweepConfig

    words: set[str] = set()
    pending: list[Any] = [SweepConfig.model_json_schema()]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            words |= {w for w in (item.get("const"), *item.get("enum", ())) if isinstance(w, str)}
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return frozenset(words)


def _held(
    column: str, products: Sequence[AxisProduct], datasets: Mapping[str, DatasetSpec]
) -> dict[object, object]:
    """Return the values that axes give a column, by their keys; none where there is no axis."""
    axes = [axis for product in products for axis in product.axes if column in axis.columns]
    values = [value.columns.get(column) for axis in axes for value in axis.values]
    if column == "dataset" and values:
        values = [load_data(spec).name for spec in datasets.values()]
    if column == "data_fingerprint" and values:
        values = list(datasets)
    return {key_of(value): value for value in values}


def _unknown(path: TreePath, mentioned: object, held: Held) -> Problem:
    words = [word_of(value) for value in held.values()]
    more = len(words) - VALUES_NAMED
    listed = ", ".join(words[:VALUES_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    texts = [word_of(value) for value in held.values() if isinstance(value, str | tuple)]
    hint = nearest(mentioned, texts) if isinstance(mentioned, str) else None
    return Problem(
        path=path,
        must="be a value that some trial has",
        got=written(mentioned),
        hint=hint or f"its values are {listed}",
    )
