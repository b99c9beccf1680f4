"""Residual connections: He et al. 2016."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweep.components.skips import Skip

if TYPE_CHECKING:
    from torch import Tensor


class Residual(Skip):
    """Adds a layer's inputs to its activations (He et al. 2016)."""

    name = "residual"

    def torch(self, around: "Tensor", activations: "Tensor", gate: "Tensor | None") -> "Tensor":
        return activations + around

    def kernel(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        def forward(activations: Any, around: Any, gate: Any) -> Any:
            return activations + around, gate

        def backward(slope: Any, activations: Any, around: Any, gate: Any) -> Any:
            return slope, gate, slope

        return forward, backward
