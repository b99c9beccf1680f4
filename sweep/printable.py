"""Writes text so that it can be printed anywhere.

What a terminal would obey, or an eye not see (control characters, changes of direction, characters
of no width), is written as Python's escape of it. Escaping twice is escaping once.
"""

DIGITS = 6
"""Significant digits of the numbers that people are shown."""


class _Escapes(dict[int, str]):
    """What to write for a character, by its number, found out when it is first met."""

    def __missing__(self, number: int) -> str:
        char = chr(number)
        self[number] = char if char.isprintable() else char.encode("unicode_escape").decode()
        return self[number]


_IN_LINES = _Escapes()
_IN_TEXTS = _Escapes({ord("\n"): "\n", ord("\t"): "\t"})


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number of things, such as `1 trial` and `1,200 trials`; `several` is `one` + s."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def printable_line(text: str) -> str:
    r"""Return text of one line; a line break in it is written as `\n`, a tab as `\t`."""
    return text.translate(_IN_LINES)


def printable_text(text: str) -> str:
    """Return text of several lines, whose line breaks and tabs are meant."""
    return text.translate(_IN_TEXTS)
