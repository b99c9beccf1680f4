"""Measures a user's own networks: what can be said of any module, each alone in evaluation mode.

Units, slopes and symmetry are a perceptron's: None, or nan in the table `gradients`, whose layers
are 0, the parameters that codes depend on, and 1, the rest.
"""

import numpy as np
import torch
from jaxtyping import Float64

from sweep.datasets.data import Data
from sweep.engines.diagnosis import ZERO, Diagnosis, have_distinct_codes
from sweep.engines.evaluation import penalty, tensors
from sweep.engines.penalties import CodePenalties
from sweep.engines.state import Lanes, LaneState
from sweep.nets.autoencoder import network_at
from sweep.nets.losses import trial_loss
from sweep.training.probes.diagnosis import (
    Examiner,
    Parameters,
    PerLayer,
    layer_norms,
)
from sweep.trial import Trial

UNKNOWN = ("saturated_share", "dead_share", "unit_distance")


class OwnExaminer:
    """Measures the networks of one pack key whose module is the user's own."""

    def __init__(self, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape` on `data`."""
        self._shape = shape
        self._inputs, self._targets = tensors(data, shape)
        self._loss = trial_loss(shape)

    def diagnose(self, lanes: Lanes, state: LaneState) -> list[Diagnosis]:
        """Return the diagnosis of every lane's network."""
        rows = enumerate(lanes.lanes)
        return [self._diagnosis(lane.path, state.network(row)) for row, lane in rows]

    def probe(self, lanes: Lanes, state: LaneState, later: Parameters | None) -> PerLayer:
        """Return the columns of the table `gradients`, as `Examiner.probe` does."""
        parameters = state.parameters
        rows = enumerate(lanes.lanes)
        gradient = np.stack([self._gradient(ln.path, state.network(row)) for row, ln in rows])
        norms, weights = (layer_norms(self._shape, flat) for flat in (gradient, parameters))
        counts = layer_norms(self._shape, np.ones_like(parameters))
        moved = np.full(norms.shape, np.nan)
        if later is not None:
            steps = layer_norms(self._shape, later - parameters)
            np.divide(steps, weights, out=moved, where=weights > 0)
        return {
            "gradient_norm": norms,
            "gradient_rms": norms / np.maximum(counts, 1.0),  # a module may have no such part
            "weight_norm": weights,
            "update_ratio": moved,
            **{name: np.full(norms.shape, np.nan) for name in UNKNOWN},
        }

    def _diagnosis(self, trial: Trial, flat: np.ndarray) -> Diagnosis:
        network = network_at(trial, flat)
        with torch.no_grad():
            codes = network.encode(self._inputs)
            outputs = network.outputs_of(network.logits_of(codes))
        zero = outputs.abs() < ZERO
        wanted = (self._targets.abs() >= ZERO).any(dim=0)
        return Diagnosis(
            dead_units=None,
            saturated_share=None,
            zero_outputs=int((zero.all(dim=0) & wanted).sum()),
            output_sparsity=float(zero.double().mean()),
            unit_distance=None,
            codes_distinct=have_distinct_codes(trial, codes.double().numpy()),
        )

    def _gradient(self, trial: Trial, flat: np.ndarray) -> Float64[np.ndarray, " parameters"]:
        """Return the gradient of the objective with its penalties."""
        network = network_at(trial, flat)
        codes = network.encode(self._inputs)
        logits = network.logits_of(codes)
        loss = self._loss(logits, network.outputs_of(logits), self._targets)
        leaves = list(network.parameters())
        of_codes = CodePenalties.of_trial(trial).of(codes, None)
        objective = loss + penalty(network, trial) + of_codes
        found = torch.autograd.grad(objective, leaves, allow_unused=True)
        pairs = zip(leaves, found, strict=True)
        flats = [(torch.zeros_like(p) if g is None else g).flatten() for p, g in pairs]
        gradient: np.ndarray = torch.cat(flats).double().numpy()
        return gradient


def examiner_of(shape: Trial, data: Data) -> Examiner | OwnExaminer:
    """Return what measures the networks of the pack key of `shape`."""
    return Examiner(shape, data) if shape.network is None else OwnExaminer(shape, data)
