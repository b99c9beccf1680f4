"""Highway networks: Srivastava et al. 2015."""

from typing import TYPE_CHECKING

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
