"""Where each layer's weights lie in a flat parameter vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Layer:
    """One dense layer: weights (fan_out, fan_in) row by row from `start`, then fan_out biases."""

    index: int
    fan_in: int
    fan_out: int
    start: int

    @property
    def weights(self) -> slice:
        return slice(self.start, self.start + self.fan_in * self.fan_out)

    @property
    def biases(self) -> slice:
        return slice(self.weights.stop, self.weights.stop + self.fan_out)


@cache
def layers_of(topology: tuple[int, ...]) -> tuple[Layer, ...]:
    """Return the layers between consecutive widths, from the input on."""
    layers: list[Layer] = []
    for index, (fan_in, fan_out) in enumerate(pairwise(topology)):
        start = layers[-1].biases.stop if layers else 0
        layers.append(Layer(index, fan_in, fan_out, start))
    return tuple(layers)


def count_parameters(topology: tuple[int, ...]) -> int:
    """Return the number of weights and biases."""
    last = layers_of(topology)[-1]
    return last.start + (last.fan_in + 1) * last.fan_out


def bottleneck_layer(topology: Sequence[int]) -> int | None:
    """Return the index among the widths of the narrowest hidden one, the most central of equals."""
    hidden = range(1, len(topology) - 1)
    middle = (len(topology) - 1) / 2
    return min(hidden, key=lambda i: (topology[i], abs(i - middle)), default=None)


def parse_topology(text: str) -> tuple[int, ...]:
    """Read what `sweep.trial.format_topology` wrote. Raises ValueError for anything else."""
    return tuple(int(width) for width in text.split("-"))
