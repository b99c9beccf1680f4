"""Evaluates a condition on the rows of a table.

A condition is a Python expression of column names, literals, comparisons, `in` lists, arithmetic
and `and`, `or`, `not`. It is interpreted here, never handed to `eval`.

Numbers compare as they are displayed: a value that is displayed as 0.00316228 is equal to that, and
neither less nor more. A literal of more digits than are displayed is equal to itself alone.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import pandas as pd

from sweep.errors import ConfigError, nearest
from sweep.reports.tables.text import DIGITS, format_value

Value = Any
ARITHMETIC: Mapping[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARISONS: Mapping[type[ast.cmpop], Callable[[Value, Value], Value]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
EQUAL = (ast.Eq, ast.LtE, ast.GtE)
"""Comparisons that hold of equal values."""
MOST_NEAREST = 3
QUOTED_LETTERS = 200
ALLOWED = "be made of columns, literals, comparisons, in, and, or, not and arithmetic"


def select_rows(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Return the rows for which `condition` holds; where a value is missing it does not.

    Args:
        frame: any table.
        condition: such as `activation == 'relu' and final_loss < 1e-3`;
            `x == None` asks whether a value is missing.

    Raises:
        ConfigError: if the condition cannot be read, or names no column.
    """
    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        mask = Condition(frame, condition).evaluate(tree)
    except SyntaxError as error:
        raise _refused(condition, f"be an expression ({error.msg})") from error
    except (RecursionError, MemoryError) as error:
        raise _refused(condition, "be nested less deeply") from error
    except (TypeError, ArithmeticError, ValueError) as error:
        raise _refused(condition, f"compare like with like ({error})") from error
    if not (isinstance(mask, pd.Series) and pd.api.types.is_bool_dtype(mask.dtype)):
        raise _refused(condition, "be true or false of each row")
    return frame[_truth(mask)]


def names_in(condition: str) -> list[str]:
    """Return the names of columns in a condition that can be read; none if it cannot."""
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return []
    return [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]


def explain_no_match(frame: pd.DataFrame, condition: str) -> str:
    """Say what is nearest to the parts of a condition that no row of `frame` meets.

    Args:
        frame: the table, of which the columns that the condition names are enough.
        condition: one that can be read, and that no row meets.

    Returns:
        Such as `nearest learning_rate: 0.001, 0.01`; empty where each part is met by some row.
    """
    tree = ast.parse(condition.strip(), mode="eval").body
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    told = []
    for part in parts:
        mask = Condition(frame, condition).evaluate(part)
        if isinstance(mask, pd.Series) and not _truth(mask).any():
            told += _nearest_values(frame, part)
    return "; ".join(dict.fromkeys(told))


class Condition:
    """A condition being evaluated over all rows of a table at once."""

    def __init__(self, frame: pd.DataFrame, text: str) -> None:
        self.frame = frame
        self.text = text

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression: a column of values, or one value."""
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return node.value
            case ast.Name():
                return self._column(node.id)
            case ast.List() | ast.Tuple():
                return [self.evaluate(item) for item in node.elts]
            case ast.UnaryOp():
                return self._unary(node)
            case ast.BinOp() if type(node.op) in ARITHMETIC:
                return self._arithmetic(node)
            case ast.BoolOp():
                return self._boolean(node)
            case ast.Compare():
                return self._comparison(node)
        raise _refused(self.text, ALLOWED, got=ast.unparse(node))

    def _column(self, name: str) -> pd.Series:
        if name not in self.frame.columns:
            raise unknown_column("--where", name, self.frame)
        return self.frame[name]

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        match node.op:
            case ast.Not():
                return ~self._rows(value)
            case ast.USub():
                return -value
        raise _refused(self.text, ALLOWED, got=ast.unparse(node))

    def _arithmetic(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        # A power or repetition of literals could be made to fill the memory.
        if not any(isinstance(side, pd.Series) for side in (left, right)):
            left = pd.Series(float(left), index=self.frame.index)
        return ARITHMETIC[type(node.op)](left, right)

    def _boolean(self, node: ast.BoolOp) -> pd.Series:
        masks = [self._rows(self.evaluate(value)) for value in node.values]
        together = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        result = masks[0]
        for mask in masks[1:]:
            result = together(result, mask)
        return result

    def _comparison(self, node: ast.Compare) -> pd.Series:
        """Compare pairwise, so that `1 < x <= 2` is both."""
        values = [self.evaluate(item) for item in (node.left, *node.comparators)]
        pairs = zip(node.ops, values, values[1:], strict=False)
        result = pd.Series(True, index=self.frame.index)
        for comparison, left, right in pairs:
            result &= self._rows(self._compare(comparison, left, right))
        return result

    def _compare(self, comparison: ast.cmpop, left: Value, right: Value) -> Value:
        match comparison:
            case ast.In() | ast.NotIn() if isinstance(left, pd.Series) and isinstance(right, list):
                inside = left.isin(right) | _as_displayed(left).isin(right)
                return inside if isinstance(comparison, ast.In) else ~inside & left.notna()
            case ast.Eq() | ast.Is() if right is None and isinstance(left, pd.Series):
                return left.isna()
            case ast.NotEq() | ast.IsNot() if right is None and isinstance(left, pd.Series):
                return left.notna()
            case _ if type(comparison) in COMPARISONS:
                return _known(_compared(comparison, left, right), left, right)
        raise _refused(self.text, ALLOWED)

    def _rows(self, value: Value) -> pd.Series:
        """One truth value a row."""
        if isinstance(value, bool):
            return pd.Series(value, index=self.frame.index)
        if isinstance(value, pd.Series) and pd.api.types.is_bool_dtype(value.dtype):
            return _truth(value)
        raise _refused(self.text, "join conditions that are true or false of each row")


def unknown_column(where: str, name: str, frame: pd.DataFrame) -> ConfigError:
    """Return the error of naming a column that does not exist."""
    columns = [str(column) for column in frame.columns]
    hint = nearest(name, columns)
    return ConfigError.of(where, "name a column", got=repr(name), hint=hint)


def _compared(comparison: ast.cmpop, left: Value, right: Value) -> Value:
    """Compare; numbers that are displayed alike are equal."""
    result = COMPARISONS[type(comparison)](left, right)
    if not any(map(_is_float_column, (left, right))):
        return result
    equal = (left == right) | (_as_displayed(left) == _as_displayed(right))
    return result | equal if isinstance(comparison, EQUAL) else result & ~equal


def _as_displayed(value: Value) -> Value:
    """Return a column of floats as it is displayed, anything else as it is."""
    if not _is_float_column(value):
        return value
    return value.map(lambda number: float(f"{number:.{DIGITS}g}"), na_action="ignore")


def _is_float_column(value: Value) -> bool:
    return isinstance(value, pd.Series) and pd.api.types.is_float_dtype(value.dtype)


def _nearest_values(frame: pd.DataFrame, part: ast.expr) -> list[str]:
    """Return for each column that a comparison names its values nearest to the literals there."""
    names = [node.id for node in ast.walk(part) if isinstance(node, ast.Name)]
    literals = [node.value for node in ast.walk(part) if isinstance(node, ast.Constant)]
    return [f"nearest {name}: {_nearest_to(frame[name], literals)}" for name in names]


def _nearest_to(column: pd.Series, literals: list[Value]) -> str:
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


def _known(result: Value, *operands: Value) -> Value:
    """Hold no comparison with a missing value to be true, `!=` included."""
    for operand in operands:
        if isinstance(operand, pd.Series) and isinstance(result, pd.Series):
            result = _truth(result) & operand.notna()
    return result


def _truth(mask: pd.Series) -> pd.Series:
    return mask.fillna(False).astype(bool)


def _refused(condition: str, must: str, got: str | None = None) -> ConfigError:
    quoted = repr(condition)
    if len(quoted) > QUOTED_LETTERS:
        quoted = f"{quoted[:QUOTED_LETTERS]}..."
    return ConfigError.of("--where", must, got=got or quoted)
