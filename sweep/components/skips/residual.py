"""Residual connections: He et al. 2016."""

from typing import TYPE_CHECKING

from sweep.components.skips import Skip

if TYPE_CHECKING:
    from torch import Tensor


class Residual(Skip):
    """Adds a layer's inputs to its activations (He et al. 2016)."""

    name = "residual"

    def torch(self, around: "Tensor", activations: "Tensor", gate: "Tensor | None") -> "Tensor":
        return activations + around
