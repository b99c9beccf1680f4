"""Looks at a table: which columns an autoencoder can learn, and in which range they lie."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sweep.datasets.arrays import DatasetError
from sweep.datasets.table import NUMBERS, find_delimiter, read_columns
from sweep.examples.contents import Contents, LeftOut


def table_contents(path: str) -> Contents:
    """Look at a .csv, .parquet or .npy file.

    Args:
        path: the file, as the sweep file shall name it.

    Raises:
        DatasetError: it cannot be read, or holds nothing to learn.
    """
    place = Path(path)
    comma = place.suffix.lower() != ".csv" or (sign := find_delimiter(place)) == ","
    held = read_columns(place, None if comma else sign)
    left_out = tuple(_left_out(held.items()))
    unused = {column.name for column in left_out}
    used = [name for name in held if name not in unused]
    if len(used) < 2:
        why = "; ".join(f"{column.name!r} {column.why}" for column in left_out[:8])
        raise DatasetError("have two or more columns of numbers to encode", why or repr(used))
    numbers = np.stack([held[name] for name in used], axis=1)
    dataset: dict[str, object] = {"name": "table", "path": path}
    if not comma:
        dataset["delimiter"] = sign
    if left_out:
        dataset["columns"] = used
    return Contents(
        title=place.name,
        what=f"{len(numbers):,} rows of {len(used):,} columns",
        dataset=dataset,
        rows=len(numbers),
        features=len(used),
        low=float(numbers.min()),
        high=float(numbers.max()),
        levels=count_levels(numbers),
        left_out=left_out,
    )


def _left_out(columns: Iterable[tuple[str, np.ndarray]]) -> Iterable[LeftOut]:
    """Yield the columns that are no measurement of the rows."""
    for name, values in columns:
        if why := _objection(name, values):
            yield LeftOut(name, why)


def _objection(name: str, values: np.ndarray) -> str | None:
    if values.dtype.kind not in NUMBERS:
        return "holds text"
    if not name:
        return "has no name"
    if not len(values):
        return "holds no rows"
    if missing := int(np.count_nonzero(~np.isfinite(values))):
        return f"lacks a number in {missing:,} of {len(values):,} rows"
    if len(values) > 1 and (values == values[0]).all():
        return "has one value in all rows"
    if len(values) > 2 and (np.diff(values) == 1).all():
        return "counts the rows"
    return None


def count_levels(numbers: np.ndarray) -> int:
    """Return how many different values there are, 3 for that many or more."""
    first = numbers.flat[0]
    others = numbers[numbers != first]
    return 1 + (len(others) > 0) + bool((others != others[:1]).any())
