"""Scales the columns of a data set."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from sweep.datasets.arrays import DatasetError, make_data, settled
from sweep.datasets.data import Data

Scale = Callable[[np.ndarray], np.ndarray]


def scaled(data: Data, scale: str) -> Data:
    """Return the data with each column of inputs and targets scaled.

    The statistics are those of the samples trained on, so that nothing is learned from held-out
    ones. A column that is constant among them becomes 0 in both.

    Args:
        data: what to scale.
        scale: `unit` for least 0 and largest 1, `standard` for mean 0 and variance 1 (the mean of
            the squares, not the unbiased estimate).

    Raises:
        DatasetError: a column spans more than float64 can say.
    """
    plain = data.targets is data.inputs
    of_inputs = _scale_of(data.inputs, scale)
    of_targets = None if plain else _scale_of(data.targets, scale)
    return make_data(
        f"{data.name}-{scale}",
        of_inputs(data.inputs),
        of_targets(data.targets) if of_targets else None,
        validation_inputs=_applied(of_inputs, data.validation_inputs),
        validation_targets=_applied(of_targets, data.validation_targets),
    )


def _applied(scale: Scale | None, array: np.ndarray | None) -> np.ndarray | None:
    return None if scale is None or array is None else scale(array)


def _scale_of(array: Float64[np.ndarray, "samples features"], scale: str) -> Scale:
    least, most = array.min(axis=0), array.max(axis=0)
    with np.errstate(over="ignore"):
        span = most - least
    if not np.isfinite(span).all():
        raise DatasetError("have columns that span less than 1.8e308, to be scaled")
    # + 0.0: which of 0.0 and -0.0 is the least, NumPy leaves to the instruction set.
    offset, divisor = (least + 0.0, span) if scale == "unit" else _moments(array)
    constant = span == 0
    divisor = np.where(constant, 1.0, divisor)

    def apply(values: Float64[np.ndarray, "rows features"]) -> Float64[np.ndarray, "rows features"]:
        result = values - offset
        result /= divisor
        result[:, constant] = 0.0
        return settled(result)

    return apply


def _moments(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation; math.fsum gives the same bits on any machine."""
    means = np.array([math.fsum(column.tolist()) / len(array) for column in array.T])
    squares = ((column - mean) ** 2 for column, mean in zip(array.T, means, strict=True))
    return means, np.sqrt([math.fsum(column.tolist()) / len(array) for column in squares])
