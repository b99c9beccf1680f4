"""Corrupts inputs for denoising autoencoders. Knows no networks.

Vincent et al. 2010, "Stacked denoising autoencoders": the network sees corrupted inputs while it
trains, its targets stay clean.
"""

import numpy as np
from jaxtyping import Float64

from sweep.nets.randomness import Purpose, normal, uniform
from sweep.trial import Trial


def corrupted(
    trial: Trial, inputs: Float64[np.ndarray, "samples features"], *, epoch: int
) -> Float64[np.ndarray, "samples features"]:
    """Return the inputs as a trial sees them in an epoch, counted from 0.

    gaussian adds normal draws times `input_noise_scale`. masking sets each number to 0 with
    probability `input_noise_rate`, independently of the others (Vincent et al. set a fixed share of
    each sample's). Draws depend on seed and epoch, a sample's also on its place in the data, never
    on the batch that it is in; a greater rate masks what a smaller one does and more.
    """
    draw = {"none": None, "gaussian": normal, "masking": uniform}[trial.input_noise]
    if draw is None:
        return inputs
    flat = draw(inputs.size, seed=trial.seed, purpose=Purpose.NOISE, index=epoch)
    draws = flat.reshape(inputs.shape)
    if trial.input_noise == "gaussian":
        return inputs + (trial.input_noise_scale or 0.0) * draws
    return np.where(draws < (trial.input_noise_rate or 0.0), 0.0, inputs)
