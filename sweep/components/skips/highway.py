"""Highway networks: Srivastava et al. 2015."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sweep.components.skips import Skip

if TYPE_CHECKING:
    from torch import Tensor


class Highway(Skip):
    """Mixes a layer's inputs with its activations by a learnt gate (Srivastava et al. 2015).

    With gate t, activations a and inputs h: t a + (1 - t) h.
    """

    name = "highway"
    gated = True

    def torch(self, around: "Tensor", activations: "Tensor", gate: "Tensor | None") -> "Tensor":
        import torch

        assert gate is not None
        portion = torch.sigmoid(gate)
        return portion * activations + (1 - portion) * around

    def kernel(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        from sweep.kernel import fma, sigmoid

        def forward(activations: Any, around: Any, gate: Any) -> Any:
            portion = sigmoid(gate)
            return fma(portion, activations, (1.0 - portion) * around), portion

        def backward(slope: Any, activations: Any, around: Any, gate: Any) -> Any:
            rest = 1.0 - gate
            of_gate = slope * (activations - around) * gate * rest
            return slope * gate, of_gate, slope * rest

        return forward, backward
