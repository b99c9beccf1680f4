"""What the hidden units of a trained network do."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float, Float64

from sweep.nets.autoencoder import network_at
from sweep.trial import Trial


def hidden_activations(
    trial: Trial,
    parameters: Float[np.ndarray, " parameters"],
    inputs: Float64[np.ndarray, "samples features"],
    layers: Iterable[int],
) -> list[Float64[np.ndarray, "samples units"]]:
    """Return the activations of hidden layers, computed in the network's dtype.

    Args:
        trial: whose network it is.
        parameters: as training left them.
        inputs: samples.
        layers: from 1, the first hidden layer.
    """
    network = network_at(trial, parameters)
    dtype = next(network.parameters()).dtype
    samples = torch.from_numpy(inputs.copy()).to(dtype)
    with torch.no_grad():
        return [network.hidden(samples, layer).to(torch.float64).numpy() for layer in layers]
