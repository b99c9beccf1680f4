"""Initial weights, the same for every engine and device.

Draws are made in float64 from the trial's seed and the layer, then cast; so U(-c, c) at one seed is
the same draw scaled by c.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Float64

from sweep.nets.layout import Array, Role, layout_of
from sweep.nets.randomness import Purpose, normal, raw_bits, symmetric
from sweep.nets.topology import Layer
from sweep.plugins.components import component_of
from sweep.trial import Trial

KEPT_DRAWS = 1024
KEPT_NUMBERS = 4096
"""Normal draws of up to so many numbers are kept: in a grid many networks begin at one seed."""
GATE_DRAWS = 2**32
"""What keeps the draws of a highway's gates apart from those of the layers around them."""
GATE_BIAS = -1.0
"""First bias of a highway's gate: a layer begins by carrying most of its inputs on."""

Weights = Float64[np.ndarray, "fan_out fan_in"]
Biases = Float64[np.ndarray, " fan_out"]


@dataclass(frozen=True)
class KeyedDraw:
    """Random numbers for one array: those of keys `seed`, `purpose` and `index`."""

    shape: tuple[int, ...]
    seed: int
    purpose: Purpose
    index: int

    def symmetric(self) -> Weights | Biases:
        flat = symmetric(self._count, seed=self.seed, purpose=self.purpose, index=self.index)
        return flat.reshape(self.shape)

    def normal(self) -> Weights | Biases:
        draw = _kept_normal if self._count <= KEPT_NUMBERS else normal
        flat = draw(self._count, seed=self.seed, purpose=self.purpose, index=self.index)
        return flat.reshape(self.shape)

    def generator(self) -> np.random.Generator:
        words = raw_bits(2, seed=self.seed, purpose=Purpose.PLUGIN, index=self.index)
        return np.random.Generator(np.random.Philox(key=words))

    @property
    def _count(self) -> int:
        return math.prod(self.shape)


_kept_normal = lru_cache(KEPT_DRAWS)(normal)


def initial_parameters(trial: Trial) -> Float[np.ndarray, " parameters"]:
    """Return the parameters before the first epoch, in the trial's dtype and layout."""
    if trial.network is not None:
        from sweep.nets.modules import first_arrays

        return first_arrays(trial)[0]
    layout = layout_of(trial)
    parameters = np.empty(layout.n_parameters, np.float64)
    for array in layout.parameters:
        parameters[array.place] = np.ravel(_initial(trial, array))
    return parameters.astype(trial.dtype)


def _initial(trial: Trial, array: Array) -> np.ndarray | float:
    """Return the first values of an array, or the value of all its elements."""
    if array.role is Role.WEIGHT:
        return _layer_weights(trial, array.layer, array.layer.index)
    if array.role is Role.GATE:
        return _layer_weights(trial, array.layer, GATE_DRAWS + array.layer.index)
    if array.role is Role.BIAS and trial.initialiser_draw_biases:
        draw = KeyedDraw(array.shape, trial.seed, Purpose.BIASES, array.layer.index)
        return trial.bias_constant + _drawn(trial, draw, array.layer)
    starts = {Role.SCALE: 1.0, Role.SHIFT: 0.0, Role.GATE_BIAS: GATE_BIAS}
    return starts.get(array.role, trial.bias_constant)


def initial_buffers(trial: Trial) -> dict[str, Float[np.ndarray, " units"]]:
    """Return the buffers before the first epoch by name: running means 0, running variances 1."""
    if trial.network is not None:
        from sweep.nets.modules import first_arrays

        return first_arrays(trial)[1]
    starts = {Role.MEAN: 0.0, Role.VARIANCE: 1.0}
    buffers = layout_of(trial).buffers
    return {a.name: np.full(a.shape, starts[a.role], trial.dtype) for a in buffers}


def _layer_weights(trial: Trial, layer: Layer, index: int) -> Weights:
    shape = (layer.fan_out, layer.fan_in)
    weights: Weights = _drawn(trial, KeyedDraw(shape, trial.seed, Purpose.WEIGHTS, index), layer)
    half_width: float = trial.initialiser_jitter
    if not half_width and weights.all():  # 0 times a draw may be -0, which tells of zeros alone
        return weights
    jitter = KeyedDraw(shape, trial.seed, Purpose.JITTER, index)
    return weights + half_width * jitter.symmetric()


def _drawn(trial: Trial, draw: KeyedDraw, layer: Layer) -> Weights | Biases:
    """Return an array of a layer from the distribution of the layer's weights."""
    component, options = component_of(trial, "initialiser")
    found: Weights | Biases = component.weights(
        draw, fan_in=layer.fan_in, fan_out=layer.fan_out, options=options
    )
    return found
