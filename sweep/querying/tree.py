"""What a condition on rows is made of, once it has been read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Name:
    """A column; `quoted` if in double quotes."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Literal:
    """A number, text or truth."""

    value: float | int | str | bool


@dataclass(frozen=True)
class Negative:
    """A number with its sign changed."""

    operand: "Node"


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers joined by +, -, *, / or %."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Comparison:
    """Two values compared by =, <>, <, <=, > or >=."""

    sign: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True)
class Inside:
    """Whether a value is one of several."""

    operand: "Node"
    items: tuple[Literal, ...]


@dataclass(frozen=True)
class Between:
    """Whether a value is neither less than one nor more than another."""

    operand: "Node"
    low: "Node"
    high: "Node"


@dataclass(frozen=True)
class Like:
    """Whether a text has a form, in which % is any text and _ any character."""

    operand: "Node"
    pattern: str


@dataclass(frozen=True)
class Missing:
    """Whether a value is missing."""

    operand: "Node"


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    operand: "Node"


@dataclass(frozen=True)
class Joined:
    """Conditions of which all must hold, if `word` is `and`, or any, if it is `or`."""

    word: str
    parts: tuple["Node", ...]


Node = (
    Name
    | Literal
    | Negative
    | Arithmetic
    | Comparison
    | Inside
    | Between
    | Like
    | Missing
    | Not
    | Joined
)


def children(node: Node) -> Sequence[Node]:
    """Return the nodes directly below one."""
    match node:
        case Arithmetic() | Comparison():
            return node.left, node.right
        case Inside():
            return node.operand, *node.items
        case Between():
            return node.operand, node.low, node.high
        case Joined():
            return node.parts
        case Negative() | Like() | Missing() | Not():
            return (node.operand,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)
