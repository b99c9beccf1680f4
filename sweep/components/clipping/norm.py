"""Clipping by the norm: Pascanu et al. 2013."""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sweep.components.clipping import Clipping

if TYPE_CHECKING:
    from torch import Tensor

TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_'s


class Norm(Clipping):
    """torch.nn.utils.clip_grad_norm_ on each network alone: times min(1, limit / (norm + 1e-6))."""

    name = "norm"

    def torch(self, gradient: "Tensor", limit: "Tensor") -> "Tensor":
        import torch

        norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        portion: Tensor = (limit / (norm + TORCH_EPSILON)).clamp(max=1.0)
        return gradient * portion

    def reference(self, parameters: "Iterable[Tensor]", limit: float) -> None:
        from torch.nn.utils import clip_grad_norm_

        clip_grad_norm_(parameters, limit)

    def kernel(self) -> Callable[..., None]:
        def norm(gradient: Any, lane: int, limit: float, parameters: int, stride: int) -> None:
            """Sum number by number in float64, so that the bits are the same packed and alone."""
            squares = 0.0
            for p in range(parameters):
                slope = 1.0 * gradient[p * stride + lane]
                squares += slope * slope
            portion = limit / (math.sqrt(squares) + TORCH_EPSILON)
            if portion >= 1.0:  # not a nan's, which spreads as in PyTorch
                return
            for p in range(parameters):
                gradient[p * stride + lane] = portion * gradient[p * stride + lane]

        return norm
