"""PyTorch with networks side by side: batched matrix products, autograd, and one flat update."""

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from torch.nn import functional as F

from bench.contenders.contender import Weights
from bench.problem import CLIP, EPSILON, LEARNING_RATE, RHO
from sweep.nets.topology import layers_of


class Batched:
    """Networks as the leading axis of every tensor."""

    name = "PyTorch, batched"

    def __init__(self, weights: Weights, topology: tuple[int, ...]) -> None:
        """Begin at `weights`."""
        self._weights = torch.from_numpy(weights.copy()).requires_grad_()
        self._squares = torch.zeros_like(self._weights)
        self._targets = torch.eye(topology[0]).expand(len(weights), -1, -1)
        self._layers = layers_of(topology)

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            losses = self._losses()
            (gradient,) = torch.autograd.grad(losses.sum(), [self._weights])
            with torch.no_grad():
                self._squares.mul_(RHO).addcmul_(gradient, gradient, value=1 - RHO)
                root = self._squares.sqrt().add_(EPSILON)
                self._weights.addcdiv_(gradient, root, value=-LEARNING_RATE)
            values = losses.detach().numpy()
        return values

    def _losses(self) -> Tensor:
        activations = self._targets
        for layer in self._layers:
            weights = self._weights[:, layer.weights].view(-1, layer.fan_out, layer.fan_in)
            biases = self._weights[:, None, layer.biases]
            activations = torch.sigmoid(torch.baddbmm(biases, activations, weights.mT))
        outputs = activations.clamp(CLIP, 1 - CLIP)
        terms = F.binary_cross_entropy(outputs, self._targets, reduction="none")
        return terms.sum(dim=(1, 2), dtype=torch.float64) / self._targets[0].numel()
