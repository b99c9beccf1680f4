"""The network that every contender trains: its layers, data, constants and initial weights.

The problem is the published study's: the 16 one-hot vectors, given as a dense matrix, through a
sigmoid autoencoder by RMSprop (epsilon outside the root) and Keras's clipped binary cross-entropy,
one full-batch update an epoch, float32, the loss summed in float64.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from sweep.datasets.data import Data
from sweep.engines.state import Lane, Lanes
from sweep.nets.initialisers import initial_parameters
from sweep.trial import Trial

STUDY = (16, 8, 4, 8, 16)
SHALLOW = (16, 4, 16)
LEARNING_RATE = 0.001
RHO = 0.9
EPSILON = 1e-8
CLIP = 1e-7


def one_hot(size: int) -> Data:
    return Data(f"one-hot-{size}", np.eye(size), np.eye(size))


def study_trial(topology: tuple[int, ...] = STUDY, *, seed: int = 0) -> Trial:
    """Return the trial of a topology, which starts at weights uniform in (-1, 1)."""
    data = one_hot(topology[0])
    return Trial(
        dataset=data.name,
        data_fingerprint=data.fingerprint,
        topology=topology,
        activation="sigmoid",
        output_activation="sigmoid",
        initialiser="uniform",
        initialiser_constant=1.0,
        seed=seed,
        loss="binary_cross_entropy",
        loss_semantics="keras",
        optimizer="rmsprop",
        optimizer_rho=RHO,
        optimizer_epsilon=EPSILON,
        learning_rate=LEARNING_RATE,
        dtype="float32",
        max_epochs=10**9,
    )


def study_lanes(n_lanes: int, topology: tuple[int, ...] = STUDY) -> Lanes:
    """Return a lane for each seed from 0."""
    trial = study_trial(topology)
    return Lanes(tuple(Lane((replace(trial, seed=seed),)) for seed in range(n_lanes)))


def start_weights(
    n_lanes: int, topology: tuple[int, ...] = STUDY
) -> Float32[np.ndarray, "lanes parameters"]:
    """Return the initial weights of `study_lanes`, laid out as `LaneState.parameters`."""
    lanes = study_lanes(n_lanes, topology).lanes
    return np.stack([initial_parameters(lane.path) for lane in lanes])
