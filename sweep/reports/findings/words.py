"""Writes lists of words."""

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """Return names as people list them: `a, b and c`."""
    names = list(names)
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
