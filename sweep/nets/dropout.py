"""Dropout by keyed draws: what each layer's values are multiplied with in an epoch.

Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting";
inverted as torch.nn.Dropout is, so that evaluation takes networks as they are.
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from sweep.nets.randomness import Purpose, halves
from sweep.trial import Trial

Factors = dict[int, Float[np.ndarray, "samples units"]]
"""0 or 1 / (1 - rate) for each sample and unit of the layers that have dropout.

Layers are 0 for the inputs and then the hidden ones, from 1.
"""


def drops(trial: Trial) -> bool:
    """Return whether a trial, and so every other of its pack key, has dropout anywhere."""
    return bool(trial.input_dropout or trial.hidden_dropout)


def dropout_factors(trial: Trial, *, samples: int, epoch: int) -> Factors:
    """Return what the values of a trial's layers are multiplied with in an epoch.

    A draw depends on seed, epoch, layer, unit and a sample's place in the data, never on the batch
    that it is in or the order; a greater rate drops what a smaller one does and more.

    Args:
        trial: its seed and rates.
        samples: of the data set.
        epoch: counted from 0.
    """
    hidden = dict.fromkeys(range(1, len(trial.topology) - 1), trial.hidden_dropout)
    rates = {0: trial.input_dropout} | hidden
    return {
        layer: _factors(trial, rate, layer=layer, samples=samples, epoch=epoch)
        for layer, rate in rates.items()
        if rate
    }


def _factors(
    trial: Trial, rate: float, *, layer: int, samples: int, epoch: int
) -> Float[np.ndarray, "samples units"]:
    units = trial.topology[layer]
    key: dict[str, Any] = {"seed": trial.seed, "purpose": Purpose.DROPOUT, "index": epoch}
    draws = halves(samples * units, layer=layer, **key).reshape(samples, units)
    scale = np.dtype(trial.dtype).type(1.0 / (1.0 - rate))
    return np.asarray(np.where(draws >= rate, scale, np.zeros_like(scale)))
