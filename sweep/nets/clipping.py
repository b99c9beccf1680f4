"""Clips gradients, each network's alone. Knows nothing of how they came about."""

import torch
from jaxtyping import Float
from torch import Tensor

TORCH_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_'s


def clip(
    gradient: Float[Tensor, "lanes parameters"], kind: str, limit: Float[Tensor, "lanes 1"]
) -> Float[Tensor, "lanes parameters"]:
    """Return the gradients clipped as PyTorch's `torch.nn.utils` does.

    Args:
        gradient: of each lane's loss and penalties, without weight decay.
        kind: none; norm, times min(1, limit / (norm + 1e-6)) with the 2-norm over all of a lane's
            parameters (Pascanu et al. 2013); or value, each element to [-limit, limit].
        limit: above 0; ignored for none.
    """
    if kind == "norm":
        norm: Tensor = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        share: Tensor = (limit / (norm + TORCH_EPSILON)).clamp(max=1.0)
        return gradient * share
    if kind == "value":
        return torch.minimum(torch.maximum(gradient, -limit), limit)
    return gradient
