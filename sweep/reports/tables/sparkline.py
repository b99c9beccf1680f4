"""Draws a curve in one line of text. Knows nothing of losses."""

import math

import numpy as np
from jaxtyping import Float, Int64

BARS = "▁▂▃▄▅▆▇█"
ROUNDING = 1e-9


def sparkline(
    epochs: Int64[np.ndarray, " points"], values: Float[np.ndarray, " points"], *, width: int = 60
) -> str:
    """Draw values against the logarithm of the epoch, on a logarithmic scale if all are positive.

    Args:
        epochs: ascending, at least 1.
        values: may hold values that are not finite, drawn as gaps.
        width: characters to draw at most.
    """
    if not len(values):
        return ""
    at = np.log(np.maximum(epochs, 1))
    wanted = np.linspace(at[0], at[-1], min(width, len(at)))
    marks = np.searchsorted(at, wanted + ROUNDING, side="right") - 1
    chosen = values[np.unique(marks)]
    finite = chosen[np.isfinite(chosen)]
    if not len(finite):
        return " " * len(chosen)
    heights = np.log(chosen) if finite.min() > 0 else chosen
    low, high = np.min(heights[np.isfinite(heights)]), np.max(heights[np.isfinite(heights)])
    return "".join(_bar(float(height), float(low), float(high)) for height in heights)


def _bar(height: float, low: float, high: float) -> str:
    if not math.isfinite(height):
        return " "
    share = (height - low) / (high - low) if high > low else 0.0
    return BARS[round(share * (len(BARS) - 1))]
