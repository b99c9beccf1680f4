"""Clipping by the value."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sweep.components.clipping import Clipping

if TYPE_CHECKING:
    from torch import Tensor


class Value(Clipping):
    """torch.nn.utils.clip_grad_value_: each element to [-limit, limit]."""

    name = "value"

    def torch(self, gradient: "Tensor", limit: "Tensor") -> "Tensor":
        import torch

        return torch.minimum(torch.maximum(gradient, -limit), limit)

    def reference(self, parameters: "Iterable[Tensor]", limit: float) -> None:
        from torch.nn.utils import clip_grad_value_

        clip_grad_value_(parameters, limit)

    def kernel(self) -> Callable[..., None]:
        def value(gradient: Any, lane: int, limit: float, parameters: int, stride: int) -> None:
            for p in range(parameters):
                slope = 1.0 * gradient[p * stride + lane]
                if slope > limit:
                    gradient[p * stride + lane] = limit
                elif slope < -limit:
                    gradient[p * stride + lane] = -limit

        return value
