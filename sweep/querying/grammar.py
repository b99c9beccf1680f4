"""Reads a condition on rows, a small part of SQL, as a tree. Knows no tables.

tests/where_cases.json has the grammar, and what each form means; the page of a report reads the
same language in the browser.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sweep.errors import ConfigError
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
)

MOST_DEPTH = 50
"""Levels of parentheses and signs, and sums in a row; each is some calls deep."""
MOST_DIGITS = 18
"""Digits that an integer is sure to fit into 64 bits with."""
QUOTED_LETTERS = 200
FORMS = "be a condition in SQL"
NO_FUNCTIONS = "be made of columns, values, comparisons, in, between, like, and, or, not, + - * / %"
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<text>'(?:[^']|'')*')"
    r'|(?P<quoted>"(?:[^"]|"")+")'
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign><=|>=|<>|!=|==|[=<>+\-*/%(),])"
    r"|(?P<end>\Z)"
    r"|(?P<odd>.))",
    re.DOTALL | re.ASCII,
)
COMPARISONS = {"=": "=", "==": "=", "!=": "<>", "<>": "<>"} | {s: s for s in ("<", "<=", ">", ">=")}
WORDS = frozenset({"and", "or", "not", "in", "between", "like", "is", "null", "true", "false"})
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True)
class Token:
    """A word of a condition: its kind, and the text as it stands."""

    kind: str
    text: str

    @property
    def word(self) -> str:
        """The word or sign that it is, in small letters; empty for values and quoted names."""
        return self.text.lower() if self.kind in ("word", "sign") else ""


def parse(text: str) -> Node:
    """Return the tree of a condition.

    Raises:
        ConfigError: it is none.
    """
    return _Parser(text).parse()


def refused(
    text: str, must: str, *, got: str | None = None, hint: str | None = None
) -> ConfigError:
    """Return the error of a condition that cannot be used; `got` in place of the whole of it."""
    quoted = repr(text)
    if len(quoted) > QUOTED_LETTERS:
        quoted = f"{quoted[:QUOTED_LETTERS]}..."
    return ConfigError.of("--where", must, got=got or quoted, hint=hint)


class _Parser:
    """Reads the tokens of a condition from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            Token(match.lastgroup or "", match[match.lastgroup or 0])
            for match in TOKEN.finditer(text)
        ]
        self._place = self._depth = 0

    def parse(self) -> Node:
        node = self._condition()
        if self._here.kind != "end":
            raise self._unexpected()
        return node

    @property
    def _here(self) -> Token:
        return self._tokens[self._place]

    def _take(self, *words: str) -> str | None:
        """Go past the token here if it is one of these words; return which."""
        word = self._here.word
        if word not in words:
            return None
        self._place += 1
        return word

    def _expect(self, word: str) -> None:
        if self._take(word) is None:
            raise self._unexpected()

    def _unexpected(self) -> ConfigError:
        here = self._here.text
        last = self._tokens[self._place - 1].text if self._place else ""
        hint = f"{here!r} cannot stand there" if here else f"nothing follows {last!r}"
        return refused(self._text, FORMS, hint=hint if here or last else "nothing stands there")

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise refused(self._text, "be nested less deeply")
        node = read()
        self._depth -= 1
        return node

    def _condition(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negation))

    def _joined(self, word: str, read: Callable[[], Node]) -> Node:
        parts = [read()]
        while self._take(word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def _negation(self) -> Node:
        if self._take("not"):
            return Not(self._deeper(self._negation))
        return self._predicate()

    def _predicate(self) -> Node:
        left = self._sum()
        if sign := self._take(*COMPARISONS):
            return Comparison(COMPARISONS[sign], left, self._sum())
        if self._take("is"):
            negated = self._take("not")
            self._expect("null")
            return Not(Missing(left)) if negated else Missing(left)
        negated = self._take("not")
        node = self._test(left)
        if node is None:
            if negated:
                raise self._unexpected()
            return left
        return Not(node) if negated else node

    def _test(self, left: Node) -> Node | None:
        """Read what may follow a value and `not`."""
        if self._take("in"):
            return Inside(left, self._list())
        if self._take("between"):
            low = self._sum()
            self._expect("and")
            return Between(left, low, self._sum())
        if self._take("like"):
            pattern = self._literal()
            if not (isinstance(pattern, Literal) and isinstance(pattern.value, str)):
                raise self._unexpected()
            return Like(left, pattern.value)
        return None

    def _list(self) -> tuple[Literal, ...]:
        self._expect("(")
        items = [self._item()]
        while self._take(","):
            items.append(self._item())
        self._expect(")")
        return tuple(items)

    def _item(self) -> Literal:
        sign = self._take("-", "+")
        literal = self._literal()
        if literal is None or (sign and not _is_number(literal)):
            raise self._unexpected()
        return Literal(-literal.value) if sign == "-" else literal  # type: ignore[operator]

    def _sum(self) -> Node:
        return self._chain(("+", "-"), lambda: self._chain(("*", "/", "%"), self._factor))

    def _chain(self, signs: tuple[str, ...], read: Callable[[], Node]) -> Node:
        node, length = read(), 1
        while sign := self._take(*signs):
            node, length = Arithmetic(sign, node, read()), length + 1
            if length > MOST_DEPTH:
                raise refused(self._text, "be nested less deeply")
        return node

    def _factor(self) -> Node:
        if sign := self._take("-", "+"):
            operand = self._deeper(self._factor)
            return Negative(operand) if sign == "-" else operand
        if self._take("("):
            node = self._deeper(self._condition)
            self._expect(")")
            return node
        return self._literal() or self._name()

    def _literal(self) -> Literal | None:
        """Read a value, if one stands here."""
        here = self._here
        value: float | int | str | bool
        match here.kind:
            case "number":
                is_whole = here.text.isdecimal() and len(here.text) <= MOST_DIGITS
                value = int(here.text) if is_whole else float(here.text)
            case "text":
                value = here.text[1:-1].replace("''", "'")
            case "word" if here.word in TRUTHS:
                value = TRUTHS[here.word]
            case _:
                return None
        self._place += 1
        return Literal(value)

    def _name(self) -> Name:
        here = self._here
        if here.kind not in ("word", "quoted") or here.word in WORDS:
            raise self._unexpected()
        self._place += 1
        if self._here.word == "(":
            hint = "functions are for `sweep query`"
            raise refused(self._text, NO_FUNCTIONS, got=f"{here.text}(...)", hint=hint)
        if here.kind == "quoted":
            return Name(here.text[1:-1].replace('""', '"'), quoted=True)
        return Name(here.text)


def _is_number(literal: Literal) -> bool:
    return not isinstance(literal.value, str | bool)
