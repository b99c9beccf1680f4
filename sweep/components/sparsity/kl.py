"""Sparsity by relative entropy."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.components.sparsity import Sparsity

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-7  # Keras's, for probabilities


class RelativeEntropy(Sparsity):
    """KL(target || mean), of a unit that is active with the one or the other probability (Ng 2011).

    Ng's sparse autoencoder (CS294A lecture notes). Means are clipped to 1e-7 from 0 and 1; beyond,
    there is no gradient.
    """

    name = "kl"

    def torch(self, means: "Tensor", options: Mapping[str, Any]) -> "Tensor":
        import torch

        target = torch.as_tensor(options["target"], dtype=means.dtype, device=means.device)
        means = means.clamp(EPSILON, 1.0 - EPSILON)
        on = target * torch.log(target / means)
        return on + (1.0 - target) * torch.log((1.0 - target) / (1.0 - means))
