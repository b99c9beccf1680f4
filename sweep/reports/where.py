"""Evaluates a condition on the rows of a table. Knows nothing of what the columns mean.

A condition is a Python expression of column names, literals, comparisons, `in` lists, arithmetic
and `and`, `or`, `not`. It is interpreted here, never handed to `eval`.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from sweep.errors import ConfigError, Fault, nearest

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
        raise _fault(condition, f"be an expression ({error.msg})") from error
    except (RecursionError, MemoryError) as error:
        raise _fault(condition, "be nested less deeply") from error
    except (TypeError, ArithmeticError, ValueError) as error:
        raise _fault(condition, f"compare like with like ({error})") from error
    if not (isinstance(mask, pd.Series) and pd.api.types.is_bool_dtype(mask.dtype)):
        raise _fault(condition, "be true or false of each row")
    return frame[_truth(mask)]


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
        raise _fault(self.text, ALLOWED, got=ast.unparse(node))

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
        raise _fault(self.text, ALLOWED, got=ast.unparse(node))

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
                inside = left.isin(right)
                return inside if isinstance(comparison, ast.In) else ~inside & left.notna()
            case ast.Eq() | ast.Is() if right is None and isinstance(left, pd.Series):
                return left.isna()
            case ast.NotEq() | ast.IsNot() if right is None and isinstance(left, pd.Series):
                return left.notna()
            case _ if type(comparison) in COMPARISONS:
                return _known(COMPARISONS[type(comparison)](left, right), left, right)
        raise _fault(self.text, ALLOWED)

    def _rows(self, value: Value) -> pd.Series:
        """One truth value a row."""
        if isinstance(value, bool):
            return pd.Series(value, index=self.frame.index)
        if isinstance(value, pd.Series) and pd.api.types.is_bool_dtype(value.dtype):
            return _truth(value)
        raise _fault(self.text, "join conditions that are true or false of each row")


def unknown_column(where: str, name: str, frame: pd.DataFrame) -> ConfigError:
    """Return the error of naming a column that does not exist."""
    columns = [str(column) for column in frame.columns]
    return ConfigError(
        [
            Fault(
                where=where,
                key="",
                must="name a column",
                got=repr(name),
                hint=nearest(name, columns),
            )
        ]
    )


def _known(result: Value, *operands: Value) -> Value:
    """Hold no comparison with a missing value to be true, `!=` included."""
    for operand in operands:
        if isinstance(operand, pd.Series) and isinstance(result, pd.Series):
            result = _truth(result) & operand.notna()
    return result


def _truth(mask: pd.Series) -> pd.Series:
    return mask.fillna(False).astype(bool)


def _fault(condition: str, must: str, got: str | None = None) -> ConfigError:
    quoted = repr(condition)
    if len(quoted) > QUOTED_LETTERS:
        quoted = f"{quoted[:QUOTED_LETTERS]}..."
    return ConfigError([Fault(where="--where", key="", must=must, got=got or quoted)])
