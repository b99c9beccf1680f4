"""Writes numbers as JSON carries them: to some digits, null for what is not a number."""

import math
from collections.abc import Iterable

DIGITS = 5


def rounded(values: Iterable[float], digits: int = DIGITS) -> list[float | None]:
    """Return the values to so many digits, None for those that are not finite."""
    return [float(f"{v:.{digits}g}") if math.isfinite(v) else None for v in values]
