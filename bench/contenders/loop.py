"""Plain PyTorch: a module, Adam and a Python loop over mini-batches, one network."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.nn import functional as F

from bench.works import BETAS, EPSILON, LEARNING_RATE, MOMENTUM, NORM_EPSILON, ORDERS, Work

Tensors = dict[str, Tensor]
OUTPUTS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "identity": nn.Identity}


class Loop:
    """The loop of PyTorch's tutorials, with the samples of a batch taken by one indexing."""

    name = "PyTorch"

    def __init__(
        self, work: Work, lanes: int = 1, *, fused: bool = False, epsilon: float = EPSILON
    ) -> None:
        """Begin with the network of seed 0; `fused` takes Adam's fused form."""
        assert lanes == 1, lanes
        torch.manual_seed(0)
        self._work = work
        self._inputs = torch.from_numpy(work.inputs)
        self._orders = torch.from_numpy(work.orders())
        self._epoch = 0
        self._network = make_network(work)
        self._optimizer = torch.optim.Adam(
            self._network.parameters(),
            lr=LEARNING_RATE,
            betas=BETAS,
            eps=epsilon,
            fused=fused or None,
        )

    @property
    def buffers(self) -> Tensors:
        return dict(self._network.named_buffers())

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            order = self._orders[self._epoch % ORDERS]
            total = 0.0
            for indices in torch.split(order, self._work.batch):
                batch = self._inputs[indices]
                loss = F.mse_loss(self._network(noisy(self._work, batch)), batch)
                self._optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self._optimizer.step()
                total += loss.item() * len(indices)
            self._epoch += 1
        return np.array([total / len(self._inputs)])


class CompiledLoop:
    """The loop with `torch.compile`: loss, gradient and Adam's step of a batch in one graph.

    With the module and the step of torch.optim.Adam compiled apart it took twice as long.
    """

    name = "torch.compile"

    def __init__(self, work: Work, lanes: int = 1) -> None:
        """Begin with the network of seed 0; compile at the first batch of each size."""
        assert lanes == 1, lanes
        torch.manual_seed(0)
        self._inputs = torch.from_numpy(work.inputs)
        self._orders = torch.from_numpy(work.orders())
        self._epoch, self._updates, self._batch = 0, 0, work.batch
        network = make_network(work)
        parameters = {name: p.detach() for name, p in network.named_parameters()}
        moments = [{n: torch.zeros_like(p) for n, p in parameters.items()} for _ in range(2)]
        self._state = (parameters, dict(network.named_buffers()), *moments)
        step = partial(_step, partial(find_loss, work, network))
        self._step: Callable[..., Tensor] = torch.compile(step, dynamic=False)

    @property
    def buffers(self) -> Tensors:
        return self._state[1]

    @torch.no_grad()
    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        for _ in range(epochs):
            total = 0.0
            for indices in torch.split(self._orders[self._epoch % ORDERS], self._batch):
                self._updates += 1
                first, second = (1.0 - beta**self._updates for beta in BETAS)
                numbers = torch.tensor([LEARNING_RATE / first, second**0.5])
                loss = self._step(self._state, numbers, self._inputs[indices])
                total += loss.item() * len(indices)
            self._epoch += 1
        return np.array([total / len(self._inputs)])


def _step(find: Callable[..., Tensor], state: Any, numbers: Tensor, batch: Tensor) -> Tensor:
    parameters, buffers, means, squares = state
    rate, root = numbers
    loss: Tensor
    slopes, loss = grad_and_value(find)(parameters, buffers, batch)
    for name, slope in slopes.items():
        means[name].lerp_(slope, 1.0 - BETAS[0])
        squares[name].mul_(BETAS[1]).addcmul_(slope, slope, value=1.0 - BETAS[1])
        parameters[name].sub_(rate * means[name] / (squares[name].sqrt() / root + EPSILON))
    return loss


def find_loss(
    work: Work, network: nn.Module, parameters: Tensors, buffers: Tensors, batch: Tensor
) -> Tensor:
    """Return the loss of a batch at other parameters and buffers than the network's own."""
    outputs = functional_call(network, (parameters, buffers), (noisy(work, batch),))
    return F.mse_loss(outputs, batch)


def noisy(work: Work, batch: Tensor) -> Tensor:
    return batch + work.noise * torch.randn_like(batch) if work.noise else batch


def make_network(work: Work) -> nn.Sequential:
    """Return the network at its first weights."""
    arrays = {name: torch.from_numpy(array.copy()) for name, array in work.start().items()}
    layers: list[nn.Module] = []
    last = len(work.topology) - 2
    for i in range(last + 1):
        norm = work.normalised and i < last
        linear = nn.Linear(work.topology[i], work.topology[i + 1], bias=not norm)
        with torch.no_grad():
            linear.weight.copy_(arrays[f"{i}.weight"])
            if not norm:
                linear.bias.copy_(arrays[f"{i}.bias"])
        layers.append(linear)
        if norm:
            layers.append(nn.BatchNorm1d(work.topology[i + 1], NORM_EPSILON, MOMENTUM))
        if i < last:
            layers += [nn.ReLU(), *([nn.Dropout(work.dropout)] if work.dropout else [])]
    return nn.Sequential(*layers, OUTPUTS[work.output]())
