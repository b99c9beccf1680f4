"""Fits rows of a table into a terminal: short ids, whole numbers, the most telling columns."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import pandas as pd

from sweep.printable import printable_line
from sweep.reports.groups import factors_of
from sweep.reports.tables.text import MISSING, cells, is_number

SHORTEST_ID = 8
ID = "trial_id"
ESSENTIAL = (ID, "epochs", "final_loss", "validation_loss", "median")
"""Columns that are not hidden."""
LEAST_TELLING = (
    *("seconds", "samples_reconstructed", "stop_reason", "status"),
    *("converged", "diverged", "mean", "q3", "q1"),
)
"""Outcomes to hide in turn where there is no room for all."""
GAP = "  "
Columns = dict[str, tuple[str, ...]]
"""The cells of each column, by its name."""


@dataclass(frozen=True)
class Listing:
    """Rows as lines of text.

    Attributes:
        heading: lines that name the columns; none where each row is a block of lines of its own.
        rows: the lines of each row.
        hidden: columns for which there was no room, with their value where all rows have the same;
            columns with nothing in them go without saying.
    """

    heading: list[str]
    rows: list[list[str]]
    hidden: list[str]


def shortest_ids(ids: Iterable[str]) -> int:
    """Return how many first digits tell all identities apart, 8 at least."""
    distinct = set(ids)
    tried = (n for n in count(SHORTEST_ID) if len({text[:n] for text in distinct}) == len(distinct))
    return next(tried)


def list_trials(
    trials: pd.DataFrame, width: int, *, id_length: int = SHORTEST_ID, may_hide: bool = True
) -> Listing:
    """Write trials as a table where that fits, else each as a block of lines.

    Nothing is ever broken over two lines but the names of columns, after an underscore.

    Args:
        trials: the rows and columns to show.
        width: columns of the terminal.
        id_length: digits of an identity to show in a table.
        may_hide: whether to leave out columns that tell least, rather than to write blocks.
    """
    texts = [[printable_line(cell) for cell in row] for row in cells(trials)]
    names = [str(name) for name in trials.columns]
    columns = {name: tuple(row[place] for row in texts) for place, name in enumerate(names)}
    if ID in columns:
        columns[ID] = tuple(text[:id_length] for text in columns[ID])
    shown = _fitting(columns, width, _in_hiding_order(trials) if may_hide else [])
    if _width(shown) > width:
        return Listing([], [_block(names, row) for row in texts], [])
    hidden = [name for name in names if name not in shown and set(columns[name]) != {MISSING}]
    return _table(shown, [_described(name, columns[name]) for name in hidden])


def _fitting(columns: Columns, width: int, expendable: Sequence[str]) -> Columns:
    """Leave out as many of the expendable columns, the first first, as there is no room for."""
    shown = dict(columns)
    left_out = []
    for name in expendable:
        if _width(shown) > width:
            left_out.append(name)
            del shown[name]
    for name in reversed(left_out):  # beside wide columns there may be room for narrow ones
        more = {n: cells for n, cells in columns.items() if n in shown or n == name}
        shown = more if _width(more) <= width else shown
    return shown


def _described(name: str, values: Sequence[str]) -> str:
    return f"{name} {values[0]}" if len(set(values)) == 1 else name


def _in_hiding_order(trials: pd.DataFrame) -> list[str]:
    """Return the columns that may be hidden, the least telling first.

    First come columns with nothing in them, then those that are the same in all rows, outcomes,
    parameters that follow from others, the seed, and the rest; among equals the rightmost first.
    """
    may = [name for name in reversed(trials.columns) if name not in ESSENTIAL]
    empty = [name for name in may if trials[name].isna().all()]
    same = [name for name in may if trials[name].nunique(dropna=False) < 2]
    outcomes = [name for name in LEAST_TELLING if name in may]
    parameters = [name for name in may if name not in outcomes]
    factors = [name for name in factors_of(trials) if name in parameters]
    following = [name for name in parameters if name not in factors]
    return list(dict.fromkeys([*empty, *same, *outcomes, *following, *reversed(factors)]))


def _table(columns: Columns, hidden: list[str]) -> Listing:
    ready = [_aligned(name, values) for name, values in columns.items()]
    tallest = max(len(heading) for heading, _ in ready)
    headings = [[" " * len(lines[0])] * (tallest - len(lines)) + lines for lines, _ in ready]
    heading = [GAP.join(parts).rstrip() for parts in zip(*headings, strict=True)]
    rows = [[GAP.join(row).rstrip()] for row in zip(*(values for _, values in ready), strict=True)]
    return Listing(heading, rows, hidden)


def _block(names: Sequence[str], row: Sequence[str]) -> list[str]:
    longest = max(map(len, names))
    return [f"{name:<{longest}}{GAP}{text}" for name, text in zip(names, row, strict=True)]


def _aligned(name: str, values: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the lines of a column's heading and its cells, all of one width, numbers right."""
    width = _column_width(name, values)
    right = bool(values) and all(map(is_number, values))
    lines = [*_broken(name, width), *values]
    padded = [line.rjust(width) if right else line.ljust(width) for line in lines]
    return padded[: -len(values) or None], padded[len(padded) - len(values) :]


def _width(columns: Columns) -> int:
    widths = [_column_width(name, values) for name, values in columns.items()]
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _column_width(name: str, values: Sequence[str]) -> int:
    return max(map(len, [*_pieces(name), *values]))


def _broken(name: str, width: int) -> list[str]:
    """Break a name after underscores where it is wider than its column."""
    lines = [""]
    for piece in _pieces(name):
        if len(lines[-1]) + len(piece) > width:
            lines.append("")
        lines[-1] += piece
    return [line for line in lines if line]


def _pieces(name: str) -> list[str]:
    """Cut a name after each underscore."""
    return re.findall("[^_]*_|[^_]+", name)
