"""Plain PyTorch: an nn.Module, torch.optim.RMSprop and a Python loop, one network at a time."""

import numpy as np
import torch
from jaxtyping import Float64
from torch import nn
from torch.nn import functional as F

from bench.contenders.contender import Weights
from bench.problem import CLIP, EPSILON, LEARNING_RATE, RHO, study_trial
from sweep.nets.initialisers import initial_parameters
from sweep.nets.topology import layers_of


class Eager:
    """Networks trained one after another, as PyTorch's tutorials do."""

    name = "PyTorch"

    def __init__(self, weights: Weights, topology: tuple[int, ...]) -> None:
        """Begin at `weights`."""
        self._inputs = torch.eye(topology[0])
        self._networks = [make_network(row, topology) for row in weights]
        self._optimizers = [make_optimizer(network) for network in self._networks]

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        pairs = zip(self._networks, self._optimizers, strict=True)
        return np.array([train(n, o, self._inputs, epochs) for n, o in pairs])


def make_network(weights: np.ndarray, topology: tuple[int, ...]) -> nn.Sequential:
    """Return the network at `weights`."""
    layers: list[nn.Module] = []
    for layer in layers_of(topology):
        linear = nn.Linear(layer.fan_in, layer.fan_out)
        matrix = weights[layer.weights].reshape(layer.fan_out, layer.fan_in)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(matrix))
            linear.bias.copy_(torch.from_numpy(weights[layer.biases]))
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(*layers)


def make_optimizer(network: nn.Module) -> torch.optim.RMSprop:
    return torch.optim.RMSprop(network.parameters(), lr=LEARNING_RATE, alpha=RHO, eps=EPSILON)


def train(
    network: nn.Module, optimizer: torch.optim.Optimizer, inputs: torch.Tensor, epochs: int
) -> float:
    """Train for `epochs` and return the last loss, which a stop rule would look at every epoch."""
    value = np.nan
    for _ in range(epochs):
        outputs = network(inputs).clamp(CLIP, 1 - CLIP)
        terms = F.binary_cross_entropy(outputs, inputs, reduction="none")
        loss = terms.sum(dtype=torch.float64) / inputs.numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        value = loss.item()
    return value


def train_seed(seed: int, epochs: int, topology: tuple[int, ...]) -> float:
    """Train the network of a seed from its initial weights, as a worker process is asked to."""
    torch.set_num_threads(1)
    network = make_network(initial_parameters(study_trial(topology, seed=seed)), topology)
    return train(network, make_optimizer(network), torch.eye(topology[0]), epochs)
