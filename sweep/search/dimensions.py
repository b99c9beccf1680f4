"""The dimensions of a search space: what is chosen independently of all else."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from sweep.config.parameters.interval import Interval


@dataclass(frozen=True)
class Dimension:
    """A choice among options, or an interval to draw from.

    Attributes:
        index: its place among all.
        name: what it decides; no two share one.
        interval: what a number is drawn from; None for a choice.
        options: what is chosen from, in words; none for an interval.
    """

    index: int
    name: str
    interval: Interval | None
    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.interval or ' | '.join(self.options)}"

    def at(self, share: float) -> float:
        """Return the number, or the place of the option, below which a share of all draws lie.

        Args:
            share: in [0, 1).
        """
        return self.interval.at(share) if self.interval else int(share * len(self.options))


Choose = Callable[[Dimension], float]
"""Returns the number of an interval, or the place of the option chosen."""


class Dimensions:
    """The dimensions of a space, as they are found."""

    def __init__(self) -> None:
        self.found: list[Dimension] = []
        self._named: Counter[str] = Counter()

    def choice(self, name: str, options: tuple[str, ...]) -> Dimension | None:
        """Add a choice; None where there is nothing to choose."""
        return self._add(name, None, options) if len(options) > 1 else None

    def interval(self, name: str, interval: Interval) -> Dimension:
        """Add an interval."""
        return self._add(name, interval, ())

    def _add(self, name: str, interval: Interval | None, options: tuple[str, ...]) -> Dimension:
        self._named[name] += 1
        number = self._named[name]
        own = f"{name} ({number})" if number > 1 else name
        self.found.append(Dimension(len(self.found), own, interval, options))
        return self.found[-1]
