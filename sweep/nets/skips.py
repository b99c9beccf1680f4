"""Connections around hidden layers. Knows nothing of the layers themselves.

He et al. 2016 add a layer's inputs to its activations; Srivastava et al. 2015 mix the two by a gate
that is learnt. An autoencoder's widths change from layer to layer, so what is carried around one is
a fixed map without parameters: the first units, as many as both sides have, and 0 for the rest.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def carried(values: Float[Tensor, "... inputs"], width: int) -> Float[Tensor, "... outputs"]:
    """Return the first `width` units, followed by zeros where there are fewer."""
    kept = values[..., :width]
    return F.pad(kept, (0, width - kept.shape[-1]))


def joined(
    values: Float[Tensor, "... inputs"],
    activations: Float[Tensor, "... outputs"],
    gate: Float[Tensor, "... outputs"] | None,
) -> Float[Tensor, "... outputs"]:
    """Return what a hidden layer with a connection around it gives.

    Args:
        values: what the layer was given, h.
        activations: what it made of them, a.
        gate: pre-activations g of a highway's gate, t = sigmoid(g), for t a + (1 - t) S h with S
            the map of `carried`; None for a residual's a + S h.
    """
    around = carried(values, activations.shape[-1])
    if gate is None:
        return activations + around
    share = torch.sigmoid(gate)
    return share * activations + (1 - share) * around
