"""The network of one trial as a plain PyTorch module."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn import functional as F

from sweep.nets.activations import Applied, carried
from sweep.nets.layout import is_gated, mirror_of
from sweep.nets.modules import OwnNetwork
from sweep.nets.topology import Layer, bottleneck_layer, layers_of
from sweep.plugins.components import component_of
from sweep.trial import Trial, format_topology


class Dense(nn.Module):
    """A layer up to its activation: values times weights, plus biases if any, or normalised."""

    def __init__(
        self,
        layer: Layer,
        *,
        mirror: "Dense | None",
        biases: bool,
        norm: nn.Module | None,
        gate: nn.Linear | None,
        like: Tensor,
    ) -> None:
        """Build a layer, its parameters not yet set.

        Args:
            layer: its place and widths.
            mirror: the layer whose transposed weights it shares.
            biases: whether it has any, unless it is normalised.
            norm: what normalises in place of biases.
            gate: a highway's, which the layer holds for the network.
            like: any tensor of the parameters' dtype.
        """
        super().__init__()
        if mirror is None:
            self.weight = nn.Parameter(like.new_empty(layer.fan_out, layer.fan_in))
        biases = biases and norm is None
        self.bias = nn.Parameter(like.new_empty(layer.fan_out)) if biases else None
        self.norm = norm
        self.gate = gate
        self._mirror = (mirror,)  # in a tuple, so that its parameters are not listed here too

    def extra_repr(self) -> str:
        (mirror,) = self._mirror
        fan_out, fan_in = self.weight.shape if mirror is None else mirror.weight.T.shape
        tied = "" if mirror is None else ", tied"
        return f"{fan_in} -> {fan_out}, bias={self.bias is not None}{tied}"

    def forward(self, values: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        (mirror,) = self._mirror
        weight = self.weight if mirror is None else mirror.weight.T
        values = F.linear(values, weight, self.bias)
        if self.norm is None:
            return values
        normalised: Tensor = self.norm(values.reshape(-1, values.shape[-1]))
        return normalised.view_as(values)


class Autoencoder(nn.Module):
    """Dense layers with an activation after each.

    `encode` gives the activations of the bottleneck, the narrowest hidden layer (of equals the most
    central), and `decode` goes from there to the outputs.

    Attributes:
        dropout: what the values of layers are multiplied with, as `dropout_factors` gives it; empty
            but in training. It is given from outside and no nn.Dropout, which draws from a running
            stream and not by a key.
    """

    def __init__(self, trial: Trial) -> None:
        """Build the network of `trial`, its parameters not yet set."""
        super().__init__()
        like = torch.empty(0, dtype=getattr(torch, trial.dtype))
        layers: list[Dense] = []
        for layer in layers_of(trial.topology):
            mirror = mirror_of(trial, layer)
            shared = None if mirror is None else layers[mirror.index]
            norm, gate = _norm_of(trial, layer), _gate_of(trial, layer)
            made = Dense(layer, mirror=shared, biases=trial.biases, norm=norm, gate=gate, like=like)
            layers.append(made)
        self.layers = nn.ModuleList(layers)
        self.dropout: Mapping[int, Tensor] = {}
        self.bottleneck = bottleneck_layer(trial.topology) or 0
        self._description = (
            f"{format_topology(trial.topology)}, hidden {trial.activation}, "
            f"output {trial.output_activation}, {trial.dtype}"
        )
        self._skip = None if trial.skip == "none" else component_of(trial, "skip")[0]
        flat_spot = trial.flat_spot or None
        self._hidden = Applied(*component_of(trial, "activation"), flat_spot)
        self._output = Applied(*component_of(trial, "output_activation"), flat_spot)

    def extra_repr(self) -> str:
        return self._description

    def encode(self, inputs: Float[Tensor, "... features"]) -> Float[Tensor, "... bottleneck"]:
        """Return the activations of the bottleneck; the inputs where there is no hidden layer."""
        return self._activate(self._dropped(inputs, 0), 0, self.bottleneck)

    def hidden(
        self, inputs: Float[Tensor, "... features"], layer: int
    ) -> Float[Tensor, "... units"]:
        """Return the activations of a hidden layer, from 1; the inputs themselves for 0."""
        return self._activate(inputs, 0, layer)

    def decode(self, codes: Float[Tensor, "... bottleneck"]) -> Float[Tensor, "... outputs"]:
        """Return the outputs for bottleneck activations."""
        return self._activate(codes, self.bottleneck, len(self.layers))

    def forward(self, inputs: Float[Tensor, "... features"]) -> Float[Tensor, "... outputs"]:
        return self.decode(self.encode(inputs))

    def logits(self, inputs: Float[Tensor, "... features"]) -> Float[Tensor, "... outputs"]:
        """Return the pre-activations of the output layer."""
        return self.logits_of(self.encode(inputs))

    def logits_of(self, codes: Float[Tensor, "... bottleneck"]) -> Float[Tensor, "... outputs"]:
        """Return the pre-activations of the output layer for bottleneck activations."""
        last = len(self.layers) - 1
        pre: Tensor = self.layers[last](self._activate(codes, self.bottleneck, last))
        return pre

    def outputs_of(self, logits: Float[Tensor, "... outputs"]) -> Float[Tensor, "... outputs"]:
        """Return the outputs for pre-activations of the output layer."""
        return self._output(logits, training=self.training)

    def _activate(self, values: Tensor, first: int, stop: int) -> Tensor:
        for index in range(first, stop):
            layer = self.layers[index]
            assert isinstance(layer, Dense)
            if index == len(self.layers) - 1:
                return self.outputs_of(layer(values))
            activations = self._hidden(layer(values), training=self.training)
            if self._skip is not None:
                gate = None if layer.gate is None else layer.gate(values)
                around = carried(values, activations.shape[-1])
                activations = self._skip.torch(around, activations, gate)
            values = self._dropped(activations, index + 1)
        return values

    def _dropped(self, values: Tensor, layer: int) -> Tensor:
        factors = self.dropout.get(layer) if self.training else None
        return values if factors is None else values * factors


def load_flat(network: nn.Module, flat: Float[np.ndarray, " parameters"]) -> None:
    """Set every parameter and buffer from a vector as `sweep.nets.layout` lays it out."""
    tensors = _tensors(network)
    pieces = torch.split(torch.from_numpy(flat.copy()), [tensor.numel() for tensor in tensors])
    with torch.no_grad():
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))


def flatten(network: nn.Module) -> Float[np.ndarray, " parameters"]:
    """Return every parameter and buffer in one vector, as `load_flat` takes it."""
    tensors = [tensor.detach().flatten() for tensor in _tensors(network)]
    vector = torch.cat([tensor.to(tensors[0].dtype) for tensor in tensors])
    return vector.numpy()


def network_of(trial: Trial) -> "Autoencoder | OwnNetwork":
    """Return the network of `trial`, in training mode, a perceptron's parameters not yet set."""
    return Autoencoder(trial) if trial.network is None else OwnNetwork(trial)


def network_at(trial: Trial, flat: Float[np.ndarray, " parameters"]) -> "Autoencoder | OwnNetwork":
    """Return the network of `trial` as training left it, in evaluation mode."""
    network = network_of(trial)
    load_flat(network, flat)
    return network.eval()


def _tensors(network: nn.Module) -> list[Tensor]:
    """Return parameters and buffers in the order of the layout, PyTorch's own counters left out.

    A user's module keeps its counters too, as numbers of its dtype.
    """
    if isinstance(network, OwnNetwork):
        return list(network.tensors())
    return [*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())]


def _norm_of(trial: Trial, layer: Layer) -> nn.Module | None:
    if trial.normalisation == "none" or not _is_hidden(trial, layer):
        return None
    component, options = component_of(trial, "normalisation")
    made: nn.Module = component.reference(layer.fan_out, getattr(torch, trial.dtype), options)
    return made


def _gate_of(trial: Trial, layer: Layer) -> nn.Linear | None:
    if not is_gated(trial) or not _is_hidden(trial, layer):
        return None
    return nn.Linear(layer.fan_in, layer.fan_out, dtype=getattr(torch, trial.dtype))


def _is_hidden(trial: Trial, layer: Layer) -> bool:
    return layer.index < len(trial.topology) - 2


def hidden_activations(
    trial: Trial,
    parameters: Float[np.ndarray, " parameters"],
    inputs: Float64[np.ndarray, "samples features"],
    layers: Iterable[int],
) -> list[Float64[np.ndarray, "samples units"]]:
    """Return the activations of hidden layers, counted from 1, computed in the network's dtype."""
    network = network_at(trial, parameters)
    dtype = next(network.parameters()).dtype
    samples = torch.from_numpy(inputs.copy()).to(dtype)
    with torch.no_grad():
        return [network.hidden(samples, layer).to(torch.float64).numpy() for layer in layers]


def reconstructions(
    trial: Trial,
    parameters: Float[np.ndarray, " parameters"],
    inputs: Float64[np.ndarray, "samples features"],
) -> Float64[np.ndarray, "samples outputs"]:
    """Return the outputs of a trial's network, computed in its dtype."""
    network = network_at(trial, parameters)
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        outputs: np.ndarray = network(torch.from_numpy(inputs.copy()).to(dtype)).double().numpy()
    return outputs
