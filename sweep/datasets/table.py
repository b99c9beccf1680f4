"""Reads a user's table of numbers as a data set."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sweep.datasets.arrays import (
    MAX_VALUES,
    DatasetError,
    check_size,
    find_file,
    make_data,
    settled,
)
from sweep.datasets.data import Data
from sweep.datasets.registry import dataset
from sweep.errors import nearest

NUMBERS = "biuf"  # kinds of NumPy's dtypes
MAX_BLOCK = 2**31 - 1  # bytes, of Arrow's reader
NAMES_SHOWN = 8
MAX_NAMES = 1_000_000
DELIMITERS = {",": ",", ";": ";", "tab": "\t"}
Columns = Mapping[str, np.ndarray]
Names = tuple[str, ...]


@dataset("table")
def table(
    path: str,
    *,
    columns: Names | None = None,
    targets: Names | None = None,
    delimiter: str | None = None,
) -> Data:
    """Read columns of a CSV file with a line of names, of a Parquet file, or of an .npy matrix.

    Args:
        path: the file; the columns of an .npy are named 0, 1, 2, …
        columns: the inputs; None for every column of numbers that is no target.
        targets: what each row should give; None for the inputs themselves.
        delimiter: what stands between the columns of a CSV file: `,`, `;` or `tab`; None for `,`.

    Raises:
        DatasetError: the file cannot be read, or a column is missing, or a number in one.
    """
    place = find_file(path, "put a .csv, .parquet or .npy file there")
    held = read_columns(place, delimiter)
    inputs = columns or _numeric(held, without=targets or (), place=place)
    samples = _matrix(held, inputs, place)
    wanted = _matrix(held, targets, place) if targets else None
    data = make_data(f"table-{place.stem}-{len(samples)}x{len(inputs)}", samples, wanted)
    unused = () if columns else tuple(n for n in held if n not in {*inputs, *(targets or ())})
    return replace(data, left_out=unused) if unused else data


def read_columns(place: Path, delimiter: str | None = None) -> Columns:
    """Return the columns of a file by name: float64 where of numbers, nan where none is given.

    Args:
        place: the file, which is there.
        delimiter: as for `table`.

    Raises:
        DatasetError: it cannot be read.
    """
    read = _READERS.get(place.suffix.lower())
    if read is None:
        raise DatasetError(f"have a path that ends in {', '.join(_READERS)}", place.name)
    try:
        return _read_csv(place, delimiter) if read is _read_csv else read(place)
    except (OSError, ValueError) as error:  # those of pyarrow among them
        raise DatasetError(f"be a table: {place} cannot be read ({error})") from error


def _read_csv(path: Path, delimiter: str | None = None) -> Columns:
    if delimiter is None:
        _require_commas(path)
    from pyarrow import csv as arrow_csv  # slow to import, which other data need not wait for

    sign = DELIMITERS[delimiter or ","]
    # One block: Arrow settles what a column holds by the first.
    block = min(path.stat().st_size + 1, MAX_BLOCK)
    held = arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(block_size=block),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, delimiter=sign),
    )
    names = held.column_names
    numbered = all(map(str.isdecimal, names)) and len(set(names)) == len(names)
    if all(map(_is_number, names)) and not numbered:
        raise DatasetError(f"name its columns: the first line of {path} holds numbers")
    return _columns_of(held, path)


def find_delimiter(path: Path) -> str:
    """Return what the first line of a CSV file has between its columns, as `table` takes it."""
    with path.open(encoding="utf-8", errors="replace") as file:
        names = file.readline(MAX_NAMES)
    return next((name for name, sign in DELIMITERS.items() if sign in names), ",")


def _require_commas(path: Path) -> None:
    """Refuse a file whose first line has another delimiter."""
    found = find_delimiter(path)
    if found != ",":
        raise DatasetError(
            f"have commas between its columns, or be given delimiter: '{found}', which the first "
            f"line of {path} has"
        )


def _read_parquet(path: Path) -> Columns:
    from pyarrow import parquet

    return _columns_of(parquet.read_table(path), path)


def _columns_of(held: Any, path: Path) -> Columns:
    """Return the columns of an Arrow table, float64 where of numbers, nan where none is given."""
    from pyarrow import float64, types

    if len(set(held.column_names)) < held.num_columns:
        raise DatasetError(f"name each column once: {path} does not")
    numeric = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    columns = {}
    for name, column in zip(held.column_names, held.columns, strict=True):
        if any(is_kind(column.type) for is_kind in (*numeric, types.is_null)):
            column = column.cast(float64(), safe=False)
        columns[name] = column.to_numpy()
    return columns


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _read_npy(path: Path) -> Columns:
    matrix = np.load(path, allow_pickle=False, mmap_mode="r")
    if matrix.ndim != 2:
        raise DatasetError(f"be a matrix: {path} is of rank {matrix.ndim}")
    return {str(place): column for place, column in enumerate(matrix.T)}


_READERS: dict[str, Callable[[Path], Columns]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
}


def _numeric(held: Columns, *, without: Iterable[str], place: Path) -> Names:
    """Return the columns of numbers; a CSV's row numbers, which have no name, are none to use."""
    names = [name for name, column in held.items() if column.dtype.kind in NUMBERS]
    if "" in names:
        raise DatasetError(f"be given columns: {place} has one without a name, of row numbers?")
    kept = tuple(name for name in names if name not in set(without))
    if not kept:
        raise DatasetError(f"have a column of numbers for input: {place} has none")
    return kept


def _matrix(held: Columns, names: Sequence[str], place: Path) -> np.ndarray:
    """Return columns side by side, float64.

    Raises:
        DatasetError: one is not there, or is not of numbers, or lacks one.
    """
    for name in names:
        _require_numbers(held, name, place)
    rows = len(held[names[0]])
    if not rows:
        raise DatasetError(f"hold rows: {place} has none")
    check_size(rows, len(names), most=MAX_VALUES)
    matrix = np.empty((rows, len(names)))
    for index, name in enumerate(names):
        matrix[:, index] = held[name]
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, column = map(int, bad[0])
        got = "nothing" if np.isnan(matrix[row, column]) else str(matrix[row, column])
        raise DatasetError(
            f"hold a finite number in every row: {place} holds {got} in "
            f"{_row_name(place, row)}, column {names[column]!r}"
        )
    return settled(matrix)


def _require_numbers(held: Columns, name: str, place: Path) -> None:
    if name not in held:
        more = ", …" if len(held) > NAMES_SHOWN else ""
        hint = nearest(name, list(held)) or f"it has {', '.join(list(held)[:NAMES_SHOWN])}{more}"
        raise DatasetError(f"find column {name!r} in {place}; {hint}")
    column = held[name]
    if column.dtype.kind not in NUMBERS:
        text = next((v for v in column if v is not None and not _is_number(str(v))), column.dtype)
        raise DatasetError(f"have numbers alone in column {name!r} of {place}", repr(str(text)))


def _row_name(path: Path, row: int) -> str:
    """Return a row's name for messages: its number from 1 and, in a CSV file, its line."""
    if path.suffix.lower() != ".csv":
        return f"row {row + 1}"
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        reader = csv.reader(file)
        lines = (reader.line_num for cells in reader if cells)
        line = [next(lines) for _ in range(row + 2)][-1]
    return f"row {row + 1} (line {line})"
