"""The networks of lanes as batched tensors: forward and backward pass. Knows no updates."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sweep.engines.state import Lanes
from sweep.nets.activations import Shape, activation_of
from sweep.nets.layout import Role, layout_of, mirror_of
from sweep.nets.optimizers import Column
from sweep.nets.skips import joined
from sweep.nets.topology import Layer, bottleneck_layer, layers_of

Values = Float[Tensor, "lanes samples _"]


@dataclass(frozen=True)
class Forward:
    """What a pass finds: bottleneck activations, pre-activations of the outputs, and outputs."""

    code: Values
    logits: Values
    outputs: Values


class BatchedNetwork:
    """The networks of all lanes, in training: views into one flat tensor, (lanes, parameters).

    `buffers` are changed in place by every pass.
    """

    def __init__(self, lanes: Lanes, parameters: Tensor, buffers: dict[str, Tensor]) -> None:
        self._shape = shape = lanes.shape
        self._count = len(lanes)
        self._leaves: dict[tuple[int, Role], Tensor] = {}
        for array in layout_of(shape).parameters:
            leaf = parameters[:, array.place].view(self._count, *array.shape)
            self._leaves[array.layer.index, array.role] = leaf.detach().requires_grad_()
        self._layers = layers_of(shape.topology)
        self._bottleneck = bottleneck_layer(shape.topology)
        self._hidden, self._output = map(activation_of, (shape.activation, shape.output_activation))
        self._buffers = buffers
        self._momentum = column_of(lanes.numbers("normalisation_momentum"), parameters)
        self._epsilon = column_of(lanes.numbers("normalisation_epsilon"), parameters)[:, None]
        self._hidden_shape = _shape_of(lanes, "activation", parameters)
        self._output_shape = _shape_of(lanes, "output_activation", parameters)

    def forward(self, inputs: Float[Tensor, "... samples features"]) -> Forward:
        """Run every lane's network on the same inputs, or each on its own."""
        values = inputs.expand(self._count, *inputs.shape[-2:])
        code = values
        for layer in self._layers[:-1]:
            values = self._through(layer, values)
            if layer.index + 1 == self._bottleneck:
                code = values
        logits = self._before(self._layers[-1], values)
        return Forward(code, logits, self._output(logits, self._output_shape))

    def _through(self, layer: Layer, values: Values) -> Values:
        """Return what a hidden layer gives, with what is carried around it."""
        activations = self._hidden(self._before(layer, values), self._hidden_shape)
        if self._shape.skip == "none":
            return activations
        gate = None
        if self._shape.skip == "highway":
            weights, biases = (self._leaves[layer.index, r] for r in (Role.GATE, Role.GATE_BIAS))
            gate = torch.baddbmm(biases[:, None], values, weights.mT)
        return joined(values, activations, gate)

    def _before(self, layer: Layer, values: Values) -> Values:
        """Return what a layer's activation is applied to."""
        mirror = mirror_of(self._shape, layer)
        if mirror is None:
            weights = self._leaves[layer.index, Role.WEIGHT]
        else:
            weights = self._leaves[mirror.index, Role.WEIGHT].mT
        biases = self._leaves.get((layer.index, Role.BIAS))
        if biases is not None:
            return torch.baddbmm(biases[:, None], values, weights.mT)
        product = torch.bmm(values, weights.mT)
        normalised = (layer.index, Role.SCALE) in self._leaves
        return self._normalise(layer, product) if normalised else product

    def _normalise(self, layer: Layer, values: Values) -> Values:
        """Normalise each unit over its lane's batch, as torch.nn.BatchNorm1d in training."""
        variance, mean = torch.var_mean(values, dim=1, correction=0, keepdim=True)
        unbiased = variance * (values.shape[1] / (values.shape[1] - 1))
        for role, found in ((Role.MEAN, mean), (Role.VARIANCE, unbiased)):
            running = self._buffers[f"{layer.index}.{role}"]
            running.add_(self._momentum * (found.detach()[:, 0] - running))
        scale, shift = (self._leaves[layer.index, role] for role in (Role.SCALE, Role.SHIFT))
        standard = (values - mean) * torch.rsqrt(variance + self._epsilon)
        return standard * scale[:, None] + shift[:, None]

    def gradient(self, total: Tensor) -> Float[Tensor, "lanes parameters"]:
        """Return the gradient of the sum of all lanes' losses."""
        gradients = torch.autograd.grad(total, list(self._leaves.values()))
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)


def column_of(values: np.ndarray, like: Tensor) -> Column:
    """Return a number for each lane on the device and in the dtype of `like`."""
    return torch.from_numpy(values).to(like.device, like.dtype)[:, None]


def _shape_of(lanes: Lanes, prefix: str, like: Tensor) -> Shape:
    """Return the activation's parameters, broadcasting over samples and features."""
    slope = column_of(lanes.numbers(f"{prefix}_slope", 0.01), like)[:, None]
    alpha = column_of(lanes.numbers(f"{prefix}_alpha", 1.0), like)[:, None]
    flat_spot = lanes.numbers("flat_spot")
    return Shape(slope, alpha, column_of(flat_spot, like)[:, None] if flat_spot.any() else None)
