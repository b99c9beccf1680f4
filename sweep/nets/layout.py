"""Which arrays a network has, and where each lies in a flat vector. Knows no values."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import prod

from sweep.nets.topology import Layer, layers_of
from sweep.trial import Trial


class Role(StrEnum):
    """What an array is to its layer; named as in the state of `sweep.nets.autoencoder`."""

    WEIGHT = "weight"
    BIAS = "bias"


@dataclass(frozen=True, slots=True)
class Array:
    """One array of a network, row by row from `start` of a flat vector."""

    layer: Layer
    role: Role
    shape: tuple[int, ...]
    start: int

    @property
    def name(self) -> str:
        return f"{self.layer.index}.{self.role}"

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)

    @property
    def place(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Layout:
    """The arrays of a network, layer by layer from the input.

    Attributes:
        parameters: what training changes, one after the other from 0.
    """

    parameters: tuple[Array, ...]

    @property
    def n_parameters(self) -> int:
        return self.parameters[-1].stop


def layout_of(trial: Trial) -> Layout:
    """Return the layout of a trial's network: of each layer weights (fan_out, fan_in), biases.

    A layer whose weights are tied to another's has biases alone.
    """
    return _layout(trial.topology, tied=trial.tied_weights)


def mirror_of(trial: Trial, layer: Layer) -> Layer | None:
    """Return the layer whose transposed weights `layer` has; None where it has its own."""
    layers = layers_of(trial.topology)
    mirror = layers[len(layers) - 1 - layer.index]
    return mirror if trial.tied_weights and mirror.index < layer.index else None


@cache
def _layout(topology: tuple[int, ...], *, tied: bool) -> Layout:
    layers = layers_of(topology)
    items: list[tuple[Layer, Role, tuple[int, ...]]] = []
    for layer in layers:
        if not tied or layer.index <= len(layers) - 1 - layer.index:
            items.append((layer, Role.WEIGHT, (layer.fan_out, layer.fan_in)))
        items.append((layer, Role.BIAS, (layer.fan_out,)))
    return Layout(parameters=_placed(items))


def _placed(items: list[tuple[Layer, Role, tuple[int, ...]]]) -> tuple[Array, ...]:
    arrays: list[Array] = []
    for item in items:
        arrays.append(Array(*item, arrays[-1].stop if arrays else 0))
    return tuple(arrays)
