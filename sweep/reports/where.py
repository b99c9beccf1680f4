"""Chooses the rows of a data frame by a condition, and says why it chose none."""

from difflib import get_close_matches

import pandas as pd
import pyarrow as pa

from sweep.querying.condition import Condition
from sweep.querying.tree import Literal, Name, Node, walk
from sweep.reports.tables.text import format_value

MOST_NEAREST = 3


def select_rows(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Return the rows for which `condition` is true; where a value is missing it is not.

    Args:
        frame: any table.
        condition: such as `activation = 'relu' and final_loss < 1e-3`;
            `x is null` asks whether a value is missing.

    Raises:
        ConfigError: if the condition cannot be read, or names no column.
    """
    asked = Condition(condition)
    return frame[asked.holds(_columns(frame, asked))]


def explain_no_match(frame: pd.DataFrame, condition: str) -> str:
    """Say what is nearest to the parts of a condition that no row of `frame` meets.

    Args:
        frame: the table, of which the columns that the condition names are enough.
        condition: one that can be read, and that no row meets.

    Returns:
        Such as `nearest learning_rate: 0.001, 0.01`; empty where each part is met by some row.
    """
    asked = Condition(condition)
    table = _columns(frame, asked)
    told = []
    for part in asked.parts():
        if not asked.holds(table, part).any():
            told += _nearest_values(frame, part, asked)
    return "; ".join(dict.fromkeys(told))


def _columns(frame: pd.DataFrame, asked: Condition) -> pa.Table:
    """Return the columns that a condition names as Arrow has them."""
    names = asked.columns(list(map(str, frame.columns)))
    if not names:
        return pa.table({"": pa.nulls(len(frame), pa.int8())})
    return pa.Table.from_pandas(frame[list(dict.fromkeys(names))], preserve_index=False)


def _nearest_values(frame: pd.DataFrame, part: Node, asked: Condition) -> list[str]:
    """Return for each column that a comparison names its values nearest to the literals there."""
    known = dict(zip(asked.names, asked.columns(list(map(str, frame.columns))), strict=True))
    names = [known[node.text] for node in walk(part) if isinstance(node, Name)]
    literals = [node.value for node in walk(part) if isinstance(node, Literal)]
    return [f"nearest {name}: {_nearest_to(frame[name], literals)}" for name in names]


def _nearest_to(column: pd.Series, literals: list[float | int | str | bool]) -> str:
    known = column.dropna().drop_duplicates().reset_index(drop=True)
    numeric = pd.api.types.is_numeric_dtype(known.dtype)
    numbers = [x for x in literals if isinstance(x, int | float)]
    if numeric and numbers:
        far = pd.concat([(known - number).abs() for number in numbers], axis=1).min(axis=1)
        found = list(known.loc[far.sort_values(kind="stable").index])
    else:
        words = [str(literal) for literal in literals]
        known_words = sorted(map(str, known))
        close = [w for word in words for w in get_close_matches(word, known_words, cutoff=0.5)]
        found = list(dict.fromkeys([*close, *known_words]))
    shown = [format_value(value) if numeric else repr(value) for value in found[:MOST_NEAREST]]
    more = len(found) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more:,} more" if more else "")
