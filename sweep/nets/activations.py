"""Activation functions in PyTorch. Knows nothing of layers.

Each takes its pre-activations and a `Shape`, whose numbers are floats or, where lanes train side by
side, tensors that broadcast over them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweep.plugins.loading import load_plugin
from sweep.plugins.sources import is_plugin


@dataclass(frozen=True)
class Shape:
    """The parameters of activations that have any.

    Attributes:
        slope: of leaky_relu below zero. alpha: scale of elu below zero.
        flat_spot: what is added to the derivative of sigmoid and tanh; None for the derivative.
    """

    slope: float | Tensor = 0.01
    alpha: float | Tensor = 1.0
    flat_spot: float | Tensor | None = None


Activation = Callable[[Tensor, Shape], Tensor]


def _leaky_relu(x: Tensor, shape: Shape) -> Tensor:
    return torch.where(x > 0, x, shape.slope * x)


def _elu(x: Tensor, shape: Shape) -> Tensor:
    return torch.where(x > 0, x, shape.alpha * torch.expm1(x.clamp(max=0)))


class _Lifted(torch.autograd.Function):
    """Activations as they are, with a constant added to their derivative on the way back.

    Fahlman 1988 (CMU-CS-88-162, the sigmoid-prime function): saturated units learn again.
    """

    @staticmethod
    def forward(ctx, x: Tensor, activated: Tensor, flat_spot: Any) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.flat_spot = flat_spot
        return activated.view_as(activated)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[no-untyped-def]
        return gradient * ctx.flat_spot, gradient, None


def _lifted(function: Callable[[Tensor], Tensor]) -> Activation:
    def activation(x: Tensor, shape: Shape) -> Tensor:
        if shape.flat_spot is None:
            return function(x)
        lifted: Tensor = _Lifted.apply(x, function(x), shape.flat_spot)  # type: ignore[no-untyped-call]
        return lifted

    return activation


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": _lifted(torch.sigmoid),
    "tanh": _lifted(torch.tanh),
    "relu": lambda x, _: torch.relu(x),
    "leaky_relu": _leaky_relu,  # Maas et al. 2013
    "elu": _elu,  # Clevert et al. 2015
    "selu": lambda x, _: F.selu(x),  # Klambauer et al. 2017
    "gelu": lambda x, _: F.gelu(x),  # Hendrycks and Gimpel 2016, by erf
    "silu": lambda x, _: F.silu(x),
    "softplus": lambda x, _: F.softplus(x),
    "identity": lambda x, _: x,
    "softmax": lambda x, _: torch.softmax(x, dim=-1),
}


def activation_of(name: str) -> Activation:
    """Return the activation called `name`; a user's own takes the tensor alone."""
    if is_plugin(name):
        function = load_plugin(name)
        return lambda x, _: function(x)
    return ACTIVATIONS[name]
