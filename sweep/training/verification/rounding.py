"""Measures how far rounding alone can move a result, so that verification does not report it.

A sum of many terms may be added up in any order, and where terms cancel, outputs saturate or a sign
is tied, two correct engines differ by more than any fixed tolerance. A number that changes when the
weights change in their last place is therefore not compared.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float64

from sweep.datasets.data import Data
from sweep.engines.evaluation import tensors
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lanes, LaneState
from sweep.nets.autoencoder import network_at
from sweep.nets.losses import trial_loss
from sweep.training.verification.retraining import step
from sweep.trial import Trial

NUDGES = 4
MARGIN = 16.0  # an engine rounds in many places, a nudge is in one


def relative_difference(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> float:
    """Return the largest difference relative to the largest magnitude of `b`; inf for nan."""
    scale = max(float(np.abs(b).max()), 1e-300)
    difference = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) / scale
    return difference if np.isfinite(difference) else np.inf


def state_differences(a: LaneState, b: LaneState) -> Float64[np.ndarray, " 2"]:
    """Return how far two states differ in weights and in last loss, relative to `b`'s largest."""
    pairs = ((a.parameters, b.parameters), (a.previous_loss, b.previous_loss))
    return np.array([relative_difference(mine, theirs) for mine, theirs in pairs])


def step_rounding(lanes: Lanes, state: LaneState, data: Data) -> Float64[np.ndarray, " 2"]:
    """Return how far rounding can move a step of the reference, as `state_differences` has it.

    The step is made as it is and with weights and targets nudged in the last place, each time
    beside the same step in float64: where terms cancel, that is another one.
    """
    exact = step(ReferenceEngine(_in_double(lanes.shape), data), *_double(lanes, state))
    epsilon = float(np.finfo(lanes.shape.dtype).eps)
    moved: list[Float64[np.ndarray, " 2"]] = []
    for amount in (0.0, *[epsilon] * NUDGES):
        generator = np.random.default_rng(len(moved))
        nudged = state.copy()
        nudged.parameters *= 1 + amount * generator.choice((-1.0, 1.0), state.parameters.shape)
        shift = amount * generator.choice((-1.0, 1.0), data.targets.shape)
        beside = Data(name=data.name, inputs=data.inputs, targets=data.targets + shift)
        engine = ReferenceEngine(lanes.shape, beside)
        moved.append(state_differences(step(engine, lanes, nudged), exact))
    worst: Float64[np.ndarray, " 2"] = MARGIN * np.max(moved, axis=0)
    return worst


def _double(lanes: Lanes, state: LaneState) -> tuple[Lanes, LaneState]:
    """Return the same in float64."""
    arrays = state.copy().arrays()
    wide = {n: a.astype(np.float64) for n, a in arrays.items() if a.dtype == np.float32}
    paths = (replace(lane, trials=tuple(map(_in_double, lane.trials))) for lane in lanes.lanes)
    return Lanes(tuple(paths)), LaneState.of_arrays(arrays | wide)


def _in_double(trial: Trial) -> Trial:
    return replace(trial, dtype="float64")


def loss_rounding(trial: Trial, parameters: Float[np.ndarray, " parameters"], data: Data) -> float:
    """Return how far the loss at these weights moves if the outputs do in the last place."""
    network = network_at(trial, parameters)
    inputs, targets = tensors(data, trial)
    loss = trial_loss(trial)
    logits = network.logits(inputs).detach()
    outputs = network.outputs_of(logits)
    less = 1 - float(np.finfo(trial.dtype).eps)
    exact = loss(logits, outputs, targets).item()
    return MARGIN * abs(loss(logits * less, outputs * less, targets).item() - exact)
