"""The networks of lanes as batched tensors: forward and backward pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from sweep.engines.state import Lanes
from sweep.nets.activations import Applied, carried
from sweep.nets.layout import Role, layout_of, mirror_of
from sweep.nets.topology import Layer, bottleneck_layer, layers_of
from sweep.plugins.components import component_of

Values = Float[Tensor, "lanes samples _"]
Column = Float[Tensor, "lanes 1"]
Flat = Float[Tensor, "lanes parameters"]
Dropout = Mapping[int, Values]
"""What the values of layers are multiplied with, as `sweep.nets.dropout` has it for a lane."""
NO_DROPOUT: Dropout = MappingProxyType({})


@dataclass(frozen=True)
class Forward:
    """The results of a forward pass: bottleneck activations, output pre-activations and outputs.

    Attributes:
        encoder: pre-activations and activations of the layers up to the bottleneck.
        dropout: as it was given.
    """

    code: Values
    logits: Values
    outputs: Values
    encoder: tuple[tuple[Values, Values], ...]
    dropout: Dropout


class BatchedNetwork:
    """The networks of all lanes: views into one flat tensor, (lanes, parameters).

    `buffers` are changed in place by every pass in training.
    """

    def __init__(
        self,
        lanes: Lanes,
        parameters: Tensor,
        buffers: dict[str, Tensor],
        *,
        training: bool = True,
    ) -> None:
        """View the networks of `lanes`, in training or in evaluation mode."""
        self._training = training
        self._shape = shape = lanes.shape
        self._count = len(lanes)
        self._leaves: dict[tuple[int, Role], Tensor] = {}
        for array in layout_of(shape).parameters:
            leaf = parameters[:, array.place].view(self._count, *array.shape)
            self._leaves[array.layer.index, array.role] = leaf.detach().requires_grad_()
        self._layers = layers_of(shape.topology)
        self._bottleneck = bottleneck_layer(shape.topology)
        self._skip = None if shape.skip == "none" else component_of(shape, "skip")[0]
        self._buffers = buffers
        if shape.normalisation != "none":
            self._norm, _ = component_of(shape, "normalisation")
            options = lanes.options("normalisation").items()
            self._norm_options = {name: column_of(o, parameters) for name, o in options}
        self._hidden: Callable[[Values], Values] = _applied(lanes, "activation", parameters)
        self._output = _applied(lanes, "output_activation", parameters)

    def forward(
        self, inputs: Float[Tensor, "... samples features"], dropout: Dropout = NO_DROPOUT
    ) -> Forward:
        """Run every lane's network on the same inputs, or each on its own."""
        values = inputs.expand(self._count, *inputs.shape[-2:])
        if 0 in dropout:
            values = values * dropout[0]
        code, encoder = values, []
        for layer in self._layers[:-1]:
            before = self._before(layer, values)
            activations = self._hidden(before)
            if layer.index < (self._bottleneck or 0):
                encoder.append((before, activations))
            values = self._with_skip(layer, values, activations)
            if layer.index + 1 in dropout:
                values = values * dropout[layer.index + 1]
            if layer.index + 1 == self._bottleneck:
                code = values
        logits = self._before(self._layers[-1], values)
        return Forward(code, logits, self._output(logits), tuple(encoder), dropout)

    def squared_jacobian(self, passed: Forward) -> Float64[Tensor, " lanes"]:
        """Return the mean over samples of the squared Frobenius norm of d code / d input.

        By products of weights and slopes from the bottleneck back to the inputs: of plain dense
        layers with elementwise activations, which are all that have a contractive penalty.
        """
        rows: Tensor | None = None
        for layer, (before, activations) in reversed(
            list(zip(self._layers, passed.encoder, strict=False))
        ):
            (slopes,) = torch.autograd.grad(activations.sum(), before, create_graph=True)
            slopes = slopes * passed.dropout.get(layer.index + 1, 1.0)
            weights = self._weights(layer)
            if rows is None:
                rows = slopes[..., None] * weights[:, None]
            else:
                scaled = rows * slopes[:, :, None]
                product = torch.bmm(scaled.flatten(1, 2), weights)
                rows = product.view(*scaled.shape[:3], -1)
        assert rows is not None, "without a hidden layer there are no codes"
        if 0 in passed.dropout:
            rows = rows * passed.dropout[0][:, :, None]
        return rows.square().sum(dim=(1, 2, 3), dtype=torch.float64) / rows.shape[1]

    def _with_skip(self, layer: Layer, values: Values, activations: Values) -> Values:
        """Return what a hidden layer gives, with its skip connection."""
        if self._skip is None:
            return activations
        gate = None
        if self._skip.gated:
            weights, biases = (self._leaves[layer.index, r] for r in (Role.GATE, Role.GATE_BIAS))
            gate = torch.baddbmm(biases[:, None], values, weights.mT)
        found: Tensor = self._skip.torch(carried(values, activations.shape[-1]), activations, gate)
        return found

    def _before(self, layer: Layer, values: Values) -> Values:
        """Return the pre-activations of a layer."""
        weights = self._weights(layer)
        biases = self._leaves.get((layer.index, Role.BIAS))
        if biases is not None:
            return torch.baddbmm(biases[:, None], values, weights.mT)
        product = torch.bmm(values, weights.mT)
        normalised = (layer.index, Role.SCALE) in self._leaves
        return self._normalise(layer, product) if normalised else product

    def _weights(self, layer: Layer) -> Float[Tensor, "lanes outputs inputs"]:
        mirror = mirror_of(self._shape, layer)
        if mirror is None:
            return self._leaves[layer.index, Role.WEIGHT]
        return self._leaves[mirror.index, Role.WEIGHT].mT

    def _normalise(self, layer: Layer, values: Values) -> Values:
        """Normalise each unit over its lane's batch, and give it its own scale and shift."""
        roles = (Role.MEAN, Role.VARIANCE)
        running = tuple(self._buffers[f"{layer.index}.{role}"] for role in roles)
        scale, shift = (self._leaves[layer.index, role] for role in (Role.SCALE, Role.SHIFT))
        normalise = self._norm.torch if self._training else self._norm.evaluated
        standard: Tensor = normalise(values, running, self._norm_options)
        return standard * scale[:, None] + shift[:, None]

    def gradient(self, total: Tensor) -> Float[Tensor, "lanes parameters"]:
        """Return the gradient of the sum of all lanes' losses."""
        gradients = torch.autograd.grad(total, list(self._leaves.values()))
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1)


def column_of(values: np.ndarray, like: Tensor) -> Column:
    """Return a number for each lane on the device and in the dtype of `like`."""
    return torch.from_numpy(values).to(like.device, like.dtype)[:, None]


def _applied(lanes: Lanes, family: str, like: Tensor) -> Applied:
    """Return an activation with its options, which broadcast over samples and features."""

    def broadcast(values: np.ndarray) -> Tensor:
        return column_of(values, like)[:, None]

    options = {name: broadcast(values) for name, values in lanes.options(family).items()}
    flat_spot = lanes.numbers("flat_spot")
    lift = broadcast(flat_spot) if flat_spot.any() else None
    return Applied(component_of(lanes.shape, family)[0], options, lift)
