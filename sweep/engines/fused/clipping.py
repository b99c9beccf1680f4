"""Clips gradients, each lane's alone. Knows nothing of how they came about.

The twin of `sweep.nets.clipping`, to which the tests hold it. A norm is summed number by number in
float64, parameters ascending, so that a lane's bits are the same in a packed block and alone.
"""

import math
from typing import Any

from sweep.kernel.compilation import compiled

CODES = {"none": 0, "norm": 1, "value": 2}
TORCH_EPSILON = 1e-6


@compiled
def clip_gradient(code: int, gradient: Any, limits: Any, parameters: int, stride: int) -> None:
    """Clip the gradients of the lanes that lie side by side.

    Args:
        code: of `CODES`.
        gradient: changed in place.
        limits: of each lane.
        parameters: of a lane.
        stride: lanes, and how far a lane's parameters are apart.
    """
    for j in range(stride):
        limit = 1.0 * limits[j]
        if code == 1:
            _clip_norm(gradient, j, limit, parameters, stride)
        else:
            _clip_values(gradient, j, limit, parameters, stride)


@compiled
def _clip_norm(gradient: Any, lane: int, limit: float, parameters: int, stride: int) -> None:
    squares = 0.0
    for p in range(parameters):
        slope = 1.0 * gradient[p * stride + lane]
        squares += slope * slope
    share = limit / (math.sqrt(squares) + TORCH_EPSILON)
    if share >= 1.0:  # not a nan's, which spreads as in PyTorch
        return
    for p in range(parameters):
        gradient[p * stride + lane] = share * gradient[p * stride + lane]


@compiled
def _clip_values(gradient: Any, lane: int, limit: float, parameters: int, stride: int) -> None:
    for p in range(parameters):
        slope = 1.0 * gradient[p * stride + lane]
        if slope > limit:
            gradient[p * stride + lane] = limit
        elif slope < -limit:
            gradient[p * stride + lane] = -limit
