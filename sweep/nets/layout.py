"""Which arrays a network has, where each lies in a flat vector, and which of them decay."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import prod

import numpy as np
from jaxtyping import Float64

from sweep.nets.topology import Layer, layers_of
from sweep.plugins.components import component_of
from sweep.plugins.networks import Named, NetworkFacts, facts_of
from sweep.trial import Trial


class Role(StrEnum):
    """What an array is to its layer; named as in the state of `sweep.nets.autoencoder`."""

    WEIGHT = "weight"
    BIAS = "bias"
    SCALE = "norm.weight"
    SHIFT = "norm.bias"
    GATE = "gate.weight"
    GATE_BIAS = "gate.bias"
    MEAN = "norm.running_mean"
    VARIANCE = "norm.running_var"
    BUFFER = "buffer"


@dataclass(frozen=True, slots=True)
class Array:
    """One array of a network, row by row from `start` of a flat vector.

    Those of a user's module have names of their own; what codes depend on counts to layer 0, the
    rest to layer 1, and what has fewer than two axes as biases.
    """

    layer: Layer
    role: Role
    shape: tuple[int, ...]
    start: int
    own_name: str | None = None

    @property
    def name(self) -> str:
        return self.own_name or f"{self.layer.index}.{self.role}"

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
        parameters: what gradients change, one after the other from 0.
        buffers: what training keeps besides, one after the other behind the parameters.
    """

    parameters: tuple[Array, ...]
    buffers: tuple[Array, ...]

    @property
    def n_parameters(self) -> int:
        return self.parameters[-1].stop


def layout_of(trial: Trial) -> Layout:
    """Return the layout of a trial's network: of each layer weights (fan_out, fan_in), biases.

    A layer whose weights are tied to another's has none of its own. A layer with batch
    normalisation has scale and shift in place of biases, which its mean would take away again
    (Ioffe and Szegedy 2015, section 3.2). A highway's hidden layer has weights and biases of its
    gate besides. Where there are no biases, scale, shift and gates are as they would be.

    A user's network has the parameters and buffers of its module, as PyTorch lists them.
    """
    if trial.network is not None:
        return _own_layout(facts_of(trial))
    return _layout(
        trial.topology,
        tied=trial.tied_weights,
        biases=trial.biases,
        norm=trial.normalisation != "none",
        gated=is_gated(trial),
    )


def is_gated(trial: Trial) -> bool:
    """Return whether the hidden layers of a network have gates."""
    return trial.skip != "none" and component_of(trial, "skip")[0].gated


def decays(trial: Trial, array: Array) -> bool:
    """Return whether penalties on weights act on an array: all, or weights (a gate's too) alone."""
    return trial.decay_biases or array.role in (Role.WEIGHT, Role.GATE)


def decay_shares(trial: Trial) -> Float64[np.ndarray, " parameters"]:
    """Return for each parameter what of the penalties on weights acts on it: 1 or 0."""
    layout = layout_of(trial)
    shares = np.zeros(layout.n_parameters)
    for array in layout.parameters:
        shares[array.place] = decays(trial, array)
    return shares


def mirror_of(trial: Trial, layer: Layer) -> Layer | None:
    """Return the layer whose transposed weights `layer` has; None where it has its own."""
    layers = layers_of(trial.topology)
    mirror = layers[len(layers) - 1 - layer.index]
    return mirror if trial.tied_weights and mirror.index < layer.index else None


@cache
def _layout(
    topology: tuple[int, ...], *, tied: bool, biases: bool, norm: bool, gated: bool
) -> Layout:
    layers = layers_of(topology)
    parameters: list[tuple[Layer, Role]] = []
    for layer in layers:
        if not tied or layer.index <= len(layers) - 1 - layer.index:
            parameters.append((layer, Role.WEIGHT))
        hidden = layer is not layers[-1]
        roles = [Role.SCALE, Role.SHIFT] if norm and hidden else [Role.BIAS][:biases]
        roles += [Role.GATE, Role.GATE_BIAS] if gated and hidden else []
        parameters += [(layer, role) for role in roles]
    running = [(layer, role) for layer in layers[:-1] for role in (Role.MEAN, Role.VARIANCE)]
    placed = _placed(parameters, 0)
    return Layout(placed, _placed(running, placed[-1].stop) if norm else ())


@cache
def _own_layout(facts: NetworkFacts) -> Layout:
    parameters: list[Array] = []
    for array in facts.parameters:
        role = Role.WEIGHT if len(array.shape) > 1 else Role.BIAS
        parameters.append(_own_array(array, role, after=parameters, start=0))
    buffers: list[Array] = []
    for array in facts.buffers:
        start = parameters[-1].stop
        buffers.append(_own_array(array, Role.BUFFER, after=buffers, start=start))
    return Layout(tuple(parameters), tuple(buffers))


def _own_array(array: Named, role: Role, *, after: list[Array], start: int) -> Array:
    start = after[-1].stop if after else start
    layer = Layer(0 if array.encodes else 1, 0, 0, 0)
    return Array(layer, role, array.shape, start, array.name)


def _placed(items: list[tuple[Layer, Role]], start: int) -> tuple[Array, ...]:
    arrays: list[Array] = []
    for layer, role in items:
        matrix = role in (Role.WEIGHT, Role.GATE)
        shape = (layer.fan_out, layer.fan_in) if matrix else (layer.fan_out,)
        arrays.append(Array(layer, role, shape, arrays[-1].stop if arrays else start))
    return tuple(arrays)
