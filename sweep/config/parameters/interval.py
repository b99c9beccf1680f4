"""Intervals of numbers from which a search draws. Knows nothing of what draws."""

from dataclasses import dataclass
from math import floor
from typing import Any

from sweep.elementary import power

DIGITS = 6
"""Significant digits of a number drawn: as many as people read, the same on every machine."""
LIBM_ERROR = 1e-14  # relative, of a product of two powers: many times that of any C library


@dataclass(frozen=True)
class Interval:
    """The numbers from `low` to `high`, both included.

    Attributes:
        low, high: its ends.
        log: whether equal factors are equally likely, not equal steps.
        whole: whether it holds whole numbers alone.
    """

    low: float
    high: float
    log: bool
    whole: bool

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (" (log)" if self.log else "")

    def at(self, share: float) -> float:
        """Return the number below which a share of all draws lie.

        Args:
            share: in [0, 1).
        """
        low, high = self.low, self.high
        if self.whole:
            places = between(low, high + 1, share, 12) if self.log else (high + 1 - low) * share
            return int(min(floor(places) + (0 if self.log else low), high))
        drawn = between(low, high, share, DIGITS) if self.log else low + (high - low) * share
        return self.nearest(drawn)

    def nearest(self, value: float) -> float:
        """Return the number of the interval that stands for a value: rounded, within the ends."""
        rounded = round(value) if self.whole else float(f"{value:.{DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def written(self) -> dict[str, Any]:
        """Return it as a sweep file has it."""
        ends: dict[str, Any] = {"from": self.low, "to": self.high}
        return ends | ({"log": True} if self.log else {})


def between(start: float, end: float, share: float, digits: int) -> float:
    """Return start^(1 - share) end^share, rounded to digits that are the same on every machine."""
    value = float(start) ** (1 - share) * float(end) ** share
    low, high = f"{value * (1 - LIBM_ERROR):.{digits}g}", f"{value * (1 + LIBM_ERROR):.{digits}g}"
    if low != high:  # so near a tie that libm would decide
        value = power(float(start), 1 - share) * power(float(end), share)
    return float(f"{value:.{digits}g}")
