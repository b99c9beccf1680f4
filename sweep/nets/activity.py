"""What the hidden units of a trained network do. Knows nothing of where it was kept."""

import numpy as np
import torch
from jaxtyping import Float64

from sweep.nets.autoencoder import Autoencoder


def hidden_activations(
    network: Autoencoder, inputs: Float64[np.ndarray, "samples features"], layer: int
) -> Float64[np.ndarray, "samples units"]:
    """Return the activations of a hidden layer, computed in the network's dtype.

    Args:
        network: trained.
        inputs: samples.
        layer: from 1, the first hidden layer.
    """
    dtype = next(network.parameters()).dtype
    network.eval()
    with torch.no_grad():
        values = network.hidden(torch.from_numpy(inputs.copy()).to(dtype), layer)
    return values.to(torch.float64).numpy()
