"""Writes a condition in Python's words, as once they were, in SQL. Evaluates nothing."""

import ast
import re
from collections.abc import Callable

LIKE_PYTHON = ((re.compile(r"(?<![=!<>])=(?!=)"), "=="), (re.compile("<>"), "!="))
COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "=",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
}
MISSING = {"none", "null"}


def sql_of_python(text: str) -> str | None:
    """Return a condition in SQL, None where it holds nothing that is Python's alone, or more.

    Those are `None`, lists in brackets, texts in double quotes and chains such as `1 < x < 2`.
    """
    for pattern, replacement in LIKE_PYTHON:
        text = pattern.sub(replacement, text)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        writer = _Writer(text.strip())
        written = writer.condition(tree)
    except (SyntaxError, RecursionError, MemoryError, ValueError, LookupError):
        return None
    return written if writer.is_python else None


class _Writer:
    """Writes the nodes of an expression; a node that SQL has no words for is a LookupError."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.is_python = False

    def condition(self, node: ast.expr) -> str:
        match node:
            case ast.BoolOp():
                return self._joined(node)
            case ast.UnaryOp(op=ast.Not()):
                return f"not {self._inner(node.operand)}"
            case ast.Compare():
                return self._compared(node)
        return self.value(node)

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=bool()):
                return str(node.value).lower()
            case ast.Constant(value=str() as text):
                self.is_python |= (ast.get_source_segment(self._text, node) or "")[:1] == '"'
                return f"'{text.replace(chr(39), 2 * chr(39))}'"
            case ast.Constant(value=int() | float()) | ast.Name():
                return ast.unparse(node)
            case ast.List() | ast.Tuple():
                self.is_python |= isinstance(node, ast.List)
                return f"({', '.join(map(self.value, node.elts))})"
            case ast.UnaryOp(op=ast.USub()):
                return f"-{self._inner(node.operand)}"
            case ast.BinOp():
                sides = self._inner(node.left), self._inner(node.right)
                return f" {ARITHMETIC[type(node.op)]} ".join(sides)
        raise LookupError(ast.unparse(node))

    def _inner(self, node: ast.expr) -> str:
        is_plain = isinstance(node, ast.Constant | ast.Name | ast.List | ast.Tuple)
        written = self.condition(node)
        return written if is_plain else f"({written})"

    def _joined(self, node: ast.BoolOp) -> str:
        word = " and " if isinstance(node.op, ast.And) else " or "
        is_or: Callable[[ast.expr], bool] = lambda part: (  # noqa: E731
            isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or)
        )
        parts = [self.condition(part) for part in node.values]
        parts = [f"({t})" if is_or(p) else t for p, t in zip(node.values, parts, strict=True)]
        return word.join(parts)

    def _compared(self, node: ast.Compare) -> str:
        """Write `1 < x <= 2` as `1 < x and x <= 2`."""
        if isinstance(node.left, ast.Constant) and isinstance(node.left.value, str):
            raise LookupError("what stands first is rather a column")
        values = [node.left, *node.comparators]
        pairs = zip(node.ops, values, values[1:], strict=False)
        parts = [self._pair(*pair) for pair in pairs]
        self.is_python |= len(parts) > 1
        return " and ".join(parts)

    def _pair(self, sign: ast.cmpop, left: ast.expr, right: ast.expr) -> str:
        if _is_missing(right):
            self.is_python = True
            is_not = isinstance(sign, ast.NotEq | ast.IsNot)
            return f"{self._side(left)} is {'not ' if is_not else ''}null"
        return f"{self._side(left)} {COMPARISONS[type(sign)]} {self._side(right)}"

    def _side(self, node: ast.expr) -> str:
        is_simple = isinstance(node, ast.BinOp | ast.UnaryOp) and not isinstance(
            getattr(node, "op", None), ast.Not
        )
        return self.value(node) if is_simple else self._inner(node)


def _is_missing(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Name) and node.id.lower() in MISSING
    )
