"""Writes a condition as DuckDB has it, by the kinds of the columns.

Numbers compare as they are displayed: a value that is displayed as 0.00316228 is equal to that, and
neither less nor more. A literal of more digits than are displayed is equal to itself alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sweep.printable import DIGITS
from sweep.querying.grammar import refused
from sweep.querying.tree import (
    Arithmetic,
    Between,
    Comparison,
    Inside,
    Joined,
    Like,
    Literal,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    walk,
)

EQUAL = ("=", "<=", ">=")
"""Comparisons that hold of equal values."""
TYPES = {int: "BIGINT", float: "DOUBLE"}


class Kind(StrEnum):
    """What a value is, as far as comparing it goes."""

    INTEGER = "a whole number"
    FLOAT = "a number"
    TEXT = "a text"
    TRUTH = "true or false"
    TIME = "a time"
    OTHER = "several values"


NUMBERS = (Kind.INTEGER, Kind.FLOAT)


@dataclass(frozen=True)
class _Side:
    """A value that is compared, as DuckDB has it; `is_rounded` if it compares as displayed."""

    sql: str
    kind: Kind
    is_rounded: bool = False

    @property
    def displayed(self) -> str:
        return f"printf('%.{DIGITS}g', {self.sql})::DOUBLE" if self.is_rounded else self.sql


class SqlWriter:
    """Writes the nodes of a condition as DuckDB has them, each with its kind.

    Args:
        text: the condition.
        kinds: of the columns that it names.
    """

    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        self._text = text
        self._kinds = kinds
        self._names = {name.lower(): name for name in kinds}

    def condition(self, node: Node) -> str:
        """Write what is true or false of each row."""
        sql, kind = self._write(node)
        if kind is not Kind.TRUTH:
            raise refused(self._text, "be true or false of each row")
        return sql

    def _write(self, node: Node) -> tuple[str, Kind]:
        match node:
            case Name():
                return self._column(node)
            case Literal():
                return _literal(node.value)
            case Negative():
                sql, kind = self._number(node.operand)
                return f"(-{sql})", kind
            case Arithmetic():
                return self._arithmetic(node)
        return self._test(node), Kind.TRUTH

    def _test(self, node: Node) -> str:
        match node:
            case Comparison():
                return self._comparison(node)
            case Between():
                low = Comparison(">=", node.operand, node.low)
                return self._test(Joined("and", (low, Comparison("<=", node.operand, node.high))))
            case Inside():
                return self._inside(node)
            case Like():
                return f"({self._like(node.operand)} LIKE {_quoted(node.pattern)})"
            case Missing():
                return f"({self._write(node.operand)[0]} IS NULL)"
            case Not():
                return f"(NOT {self._truth(node.operand)})"
            case Joined():
                return _balanced(f" {node.word} ", [self._truth(part) for part in node.parts])
        raise AssertionError(node)

    def _column(self, node: Name) -> tuple[str, Kind]:
        name = node.text if node.text in self._kinds else self._names[node.text.lower()]
        sql, kind = '"' + name.replace('"', '""') + '"', self._kinds[name]
        match kind:
            case Kind.FLOAT:  # what is not a number is missing
                return f"nullif({sql}::DOUBLE, 'nan'::DOUBLE)", kind
            case Kind.TEXT:
                return f"{sql}::VARCHAR", kind
            case Kind.TIME:
                return f"epoch_us({sql})", kind
            case Kind.OTHER:
                raise refused(self._text, "compare single values", got=f"{name}, which is several")
        return sql, kind

    def _arithmetic(self, node: Arithmetic) -> tuple[str, Kind]:
        (left, one), (right, other) = self._number(node.left), self._number(node.right)
        if node.sign in ("/", "%"):
            right = f"nullif({right}, 0)"
        whole = one is other is Kind.INTEGER and node.sign != "/"
        sql = f"nullif({left}::DOUBLE {node.sign} {right}::DOUBLE, 'nan'::DOUBLE)"
        return sql, Kind.INTEGER if whole else Kind.FLOAT

    def _number(self, node: Node) -> tuple[str, Kind]:
        sql, kind = self._write(node)
        if kind not in NUMBERS:
            raise refused(self._text, "compute with numbers alone", hint=f"there is {kind}")
        return sql, kind

    def _truth(self, node: Node) -> str:
        sql, kind = self._write(node)
        if kind is not Kind.TRUTH:
            must = "join conditions that are true or false of each row"
            raise refused(self._text, must, hint=f"there is {kind}")
        return sql

    def _like(self, node: Node) -> str:
        sql, kind = self._write(node)
        if kind is not Kind.TEXT:
            raise refused(self._text, "look for a form in texts alone", hint=f"there is {kind}")
        return sql

    def _comparison(self, node: Comparison) -> str:
        left, right = self._alike(node.left, node.right)
        if left.kind is Kind.TRUTH and node.sign not in ("=", "<>"):
            raise refused(self._text, "compare truth values by = and != alone")
        equal = f"({left.sql} = {right.sql})"
        if left.is_rounded or right.is_rounded:
            equal = f"({left.sql} = {right.sql} OR {left.displayed} = {right.displayed})"
        if node.sign == "=":
            return equal
        if node.sign == "<>":
            return f"(NOT {equal})"
        joined = f"OR {equal}" if node.sign in EQUAL else f"AND NOT {equal}"
        return f"({left.sql} {node.sign} {right.sql} {joined})"

    def _inside(self, node: Inside) -> str:
        pairs = [self._alike(node.operand, item) for item in node.items]
        operand = pairs[0][0]
        items = ", ".join(item.sql for _, item in pairs)
        tests = [operand.sql, *([operand.displayed] if operand.is_rounded else [])]
        return f"({' OR '.join(f'{test} IN ({items})' for test in tests)})"

    def _alike(self, left: Node, right: Node) -> tuple["_Side", "_Side"]:
        """Write two values that are compared."""
        one, other = self._side(left, right), self._side(right, left)
        is_number = [side.kind in NUMBERS for side in (one, other)]
        if not all(is_number) and one.kind is not other.kind:
            hint = f"there is {one.kind} beside {other.kind}"
            raise refused(self._text, "compare like with like", hint=hint)
        return one, other

    def _side(self, node: Node, other: Node) -> "_Side":
        """Write a value that is compared with another; a text beside a time is one."""
        sql, kind = self._write(node)
        if kind is Kind.TEXT and isinstance(node, Literal) and self._is_time(other):
            return _Side(self._time(node), Kind.TIME)
        is_made_of_columns = any(isinstance(inner, Name) for inner in walk(node))
        return _Side(sql, kind, is_rounded=kind is Kind.FLOAT and is_made_of_columns)

    def _is_time(self, node: Node) -> bool:
        return isinstance(node, Name) and self._write(node)[1] is Kind.TIME

    def _time(self, literal: Literal) -> str:
        """Write a time in microseconds since 1970."""
        try:
            when = datetime.fromisoformat(str(literal.value))
        except ValueError as error:
            must = "compare a time with one such as '2026-01-31 12:00'"
            raise refused(self._text, must, hint=f"there is {literal.value!r}") from error
        known = when if when.tzinfo else when.replace(tzinfo=UTC)
        return f"{round(known.timestamp() * 1_000_000)}::BIGINT"


def _balanced(word: str, parts: Sequence[str]) -> str:
    """Join conditions two by two, so that thousands are not nested by thousands."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return f"({_balanced(word, parts[:middle])}{word}{_balanced(word, parts[middle:])})"


def _literal(value: float | int | str | bool) -> tuple[str, Kind]:
    if isinstance(value, bool):
        return str(value).lower(), Kind.TRUTH
    if isinstance(value, str):
        return _quoted(value), Kind.TEXT
    kind = Kind.INTEGER if isinstance(value, int) else Kind.FLOAT
    return f"'{value!r}'::{TYPES[type(value)]}", kind


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
