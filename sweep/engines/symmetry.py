"""How far apart the hidden units of a network are.

Two units with the same weights in and out compute the same thing and receive the same gradient:
they stay the same for ever, in exact arithmetic. Their distance tells whether that has been broken.
"""

import numpy as np
from jaxtyping import Float, Float64

from sweep.nets.layout import Role, layout_of, mirror_of
from sweep.nets.topology import layers_of
from sweep.trial import Trial

MOST_PAIRS = 16_384
"""Pairs of units compared at once: their sums stay in a cache."""


@np.errstate(over="ignore", invalid="ignore")  # a diverged network is looked into too
def unit_distances(
    shape: Trial, parameters: Float[np.ndarray, "lanes parameters"]
) -> Float64[np.ndarray, "lanes hidden"]:
    """Return the least distance between two units of each hidden layer.

    Args:
        shape: any trial of the pack key.
        parameters: flat, laid out as `LaneState.parameters`.

    Returns:
        The 2-norm of the difference of two units' weights in, bias and weights out; nan for a layer
        of one unit.
    """
    hidden = len(shape.topology) - 2
    found = np.full((len(parameters), hidden), np.nan)
    for layer in range(hidden):
        if shape.topology[layer + 1] > 1:
            found[:, layer] = _least_distances(_units(shape, parameters, layer))
    return found


def _least_distances(
    units: Float64[np.ndarray, "lanes units numbers"],
) -> Float64[np.ndarray, " lanes"]:
    """Add the squares number by number, which gives the same bits everywhere."""
    lanes, count, _ = units.shape
    least = np.full(lanes, np.inf)
    size = max(1, MOST_PAIRS // (lanes * count))
    for first in range(0, count, size):
        rows = np.arange(first, min(first + size, count))
        total = np.zeros((lanes, len(rows), count))
        for numbers in np.moveaxis(units, 2, 0):
            total += np.square(numbers[:, rows, None] - numbers[:, None])
        total[:, np.arange(len(rows)), rows] = np.inf  # a unit and itself
        least = np.minimum(least, total.min(axis=(1, 2)))
    return np.asarray(np.sqrt(least))


def _units(
    shape: Trial, parameters: Float[np.ndarray, "lanes parameters"], layer: int
) -> Float64[np.ndarray, "lanes units numbers"]:
    """Return all numbers of each unit that `layer` leads to, a row a unit."""
    lanes, count = len(parameters), shape.topology[layer + 1]
    own = [a for a in layout_of(shape).parameters if a.layer.index == layer]
    parts = [parameters[:, a.place].reshape(lanes, count, -1) for a in own]
    if mirror_of(shape, layers_of(shape.topology)[layer]):
        parts.append(_weights(shape, parameters, layer))
    parts.append(_weights(shape, parameters, layer + 1).swapaxes(1, 2))
    return np.concatenate(parts, axis=2).astype(np.float64)


def _weights(
    shape: Trial, parameters: Float[np.ndarray, "lanes parameters"], layer: int
) -> Float[np.ndarray, "lanes fan_out fan_in"]:
    mirror = mirror_of(shape, layers_of(shape.topology)[layer])
    index = layer if mirror is None else mirror.index
    arrays = {(a.layer.index, a.role): a for a in layout_of(shape).parameters}
    array = arrays[index, Role.WEIGHT]
    values = parameters[:, array.place].reshape(len(parameters), *array.shape)
    return values if mirror is None else values.swapaxes(1, 2)
