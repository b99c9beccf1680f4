"""Corrupts inputs for denoising autoencoders.

Vincent et al. 2010, "Stacked denoising autoencoders": the network sees corrupted inputs while it
trains, its targets stay clean.
"""

import numpy as np
from jaxtyping import Float64

from sweep.components.noise import Draws
from sweep.nets.randomness import Purpose, normal, uniform
from sweep.plugins.components import component_of
from sweep.trial import Trial


def corrupted(
    trial: Trial, inputs: Float64[np.ndarray, "samples features"], *, epoch: int
) -> Float64[np.ndarray, "samples features"]:
    """Return the inputs as a trial sees them in an epoch, counted from 0.

    Draws depend on seed and epoch, a sample's also on its place in the data, never on the batch
    that it is in; a greater rate masks what a smaller one does and more.
    """
    if trial.input_noise == "none":
        return inputs
    noise, options = component_of(trial, "input_noise")
    draw = {Draws.NORMAL: normal, Draws.UNIFORM: uniform}[noise.draws]
    flat = draw(inputs.size, seed=trial.seed, purpose=Purpose.NOISE, index=epoch)
    return np.asarray(noise.corrupt(inputs, flat.reshape(inputs.shape), **options))
