"""Finds the points of a search that no other is better than in every objective."""

from collections.abc import Sequence
from math import isinf

Values = tuple[float, ...]


def pareto_front(values: Sequence[Values]) -> list[int]:
    """Return the places of the values that none dominates, by the first objective; less is better.

    Of equal values the first stands for all. Infinite ones are never part of it.
    """
    order = sorted(range(len(values)), key=lambda place: (values[place], place))
    front: list[int] = []
    for place in order:
        found = values[place]
        if not any(map(isinf, found)) and not any(_covers(values[i], found) for i in front):
            front.append(place)
    return front


def _covers(one: Values, other: Values) -> bool:
    """Return whether one is as good as another in every objective."""
    return all(a <= b for a, b in zip(one, other, strict=True))
