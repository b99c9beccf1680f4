"""Writes values and tables as text in several forms."""

import html
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import pandas as pd

from sweep.printable import DIGITS, printable_line

MISSING = "-"


class Form(StrEnum):
    """How to write a table."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def format_table(frame: pd.DataFrame, form: Form) -> str:
    """Write a table; numbers in full for programs (csv, json), to six digits for people."""
    match form:
        case Form.CSV:
            return "".join(csv_parts([frame])).rstrip("\n")
        case Form.JSON:
            return "".join(json_parts([frame]))
        case Form.MARKDOWN:
            return markdown_table(list(frame.columns), cells(frame))
        case Form.TABLE:
            return plain_table(list(frame.columns), cells(frame))


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows as JSON would have them: none for what is missing or not finite."""
    plain: list[dict[str, object]] = json.loads("".join(json_parts([frame])))
    return plain


def json_parts(frames: Iterable[pd.DataFrame]) -> Iterator[str]:
    """Yield the text of a JSON list of all rows, piece by piece, as `json.dumps` indents it."""
    opening = "["
    for frame in frames:
        names = [json.dumps(str(name)).replace("%", "%%") for name in frame.columns]
        row = "\n  {\n" + ",\n".join(f"    {name}: %s" for name in names) + "\n  }"
        columns = [_json_values(frame[name]) for name in frame.columns]
        if len(frame):
            yield opening + ",".join(row % values for values in zip(*columns, strict=True))
            opening = ","
    yield "[]" if opening == "[" else "\n]"


def _json_values(column: pd.Series) -> list[str]:
    """Return each value of a column as JSON."""
    if pd.api.types.is_float_dtype(column.dtype):
        return [repr(value) if math.isfinite(value) else "null" for value in column.tolist()]
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
    missing = column.isna().tolist()
    plain = [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]
    known = {value: json.dumps(value) for value in set(plain)}
    return [known[value] for value in plain]


def csv_parts(frames: Iterable[pd.DataFrame]) -> Iterator[str]:
    """Yield the text of a CSV table piece by piece, the header first."""
    for place, frame in enumerate(frames):
        yield frame.to_csv(index=False, header=not place, date_format="%Y-%m-%dT%H:%M:%S.%fZ")


def cells(frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows as text for people."""
    columns = [[format_value(value) for value in frame[name]] for name in frame.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def format_value(value: Any) -> str:
    """Write one value for people."""
    if _is_missing(value):
        return MISSING
    if pd.api.types.is_bool(value):
        return str(value).lower()
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def format_number(value: Any, form: str) -> str:
    """Write a number in that form; a dash where it is missing or not finite."""
    return MISSING if _is_missing(value) or not math.isfinite(value) else format(value, form)


def named_values(values: Any) -> str:
    """Write what is known of values under their names, such as `loss 0.1, epochs 20`."""
    known = [(name, value) for name, value in values.items() if not _is_missing(value)]
    return ", ".join(f"{name} {format_value(value)}" for name, value in known)


def bullets(lines: Iterable[str]) -> str:
    """Write a Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def rest(total: int, shown: int, of: str = "") -> list[str]:
    """Say how many more there are than are shown; nothing where that is all."""
    return [f"and {total - shown:,} more{of}."] if total > shown else []


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write columns side by side, numbers to the right."""
    lines = [[printable_line(cell) for cell in row] for row in (header, *rows)]
    columns = [_aligned(list(column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; nothing in a cell can break it or be taken for markup."""
    numeric = [all(is_number(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = ["---:" if right else "---" for right in numeric or [False] * len(header)]
    lines = [[escape(cell) for cell in row] for row in (header, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (lines[0], rule, *lines[1:]))


def column_table(columns: Mapping[str, Callable[[Any], str]], things: Iterable[object]) -> str:
    """Write a Markdown table with a row for each thing, each column by a function of it."""
    rows = [[write(thing) for write in columns.values()] for thing in things]
    return markdown_table(list(columns), rows)


def escape(text: str) -> str:
    """Make text stand in Markdown for itself."""
    return re.sub(r"([\\`*_{}\[\]|~#])", r"\\\1", html.escape(printable_line(text), quote=False))


def is_number(text: str) -> bool:
    return (
        text == MISSING or re.fullmatch(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)", text) is not None
    )


def _aligned(column: list[str]) -> list[str]:
    width = max(map(len, column))
    right = len(column) > 1 and all(is_number(cell) for cell in column[1:])
    return [cell.rjust(width) if right else cell.ljust(width) for cell in column]
