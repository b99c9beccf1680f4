"""Evaluates a network at its saved weights, alone, so that nothing else can change the result."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sweep.datasets.data import Data
from sweep.engines.contract import RECONSTRUCTION_MARGIN, Evaluation
from sweep.nets.autoencoder import network_at
from sweep.nets.layout import decays, layout_of
from sweep.nets.losses import code_penalty, trial_loss
from sweep.plugins.components import component_of
from sweep.trial import Trial


def evaluate(trial: Trial, parameters: Float[np.ndarray, " parameters"], data: Data) -> Evaluation:
    """Evaluate the network of `trial` over all samples.

    Args:
        trial: the network and its loss.
        parameters: flat, as `LaneState.network` has them.
        data: what it was trained on.
    """
    network = network_at(trial, parameters)
    inputs, targets = tensors(data, trial)
    codes = network.encode(inputs)
    logits = network.logits_of(codes)
    outputs = network.outputs_of(logits)
    loss = trial_loss(trial)(logits, outputs, targets)
    objective = loss + penalty(network, trial) + code_penalty(codes, trial.code_penalty)
    found = torch.autograd.grad(objective, list(network.parameters()), allow_unused=True)
    squares = [gradient.double().square().sum() for gradient in found if gradient is not None]
    return Evaluation(
        loss=loss.item(),
        objective=objective.item(),
        gradient_norm=torch.stack(squares).sum().sqrt().item(),
        samples_reconstructed=_reconstructed(outputs, targets),
        argmax_correct=_argmax_correct(outputs, targets) if data.one_hot else None,
    )


def validate(trial: Trial, parameters: Float[np.ndarray, " parameters"], data: Data) -> float:
    """Return the loss of the network of `trial` on the held-out samples of `data`.

    Args:
        trial: the network and its loss.
        parameters: flat, as `LaneState.network` has them.
        data: which has held-out samples.
    """
    assert data.validation_inputs is not None
    assert data.validation_targets is not None
    network = network_at(trial, parameters)
    dtype = getattr(torch, trial.dtype)
    inputs, targets = (
        torch.tensor(array, dtype=dtype)
        for array in (data.validation_inputs, data.validation_targets)
    )
    loss = trial_loss(trial)
    with torch.no_grad():
        logits = network.logits(inputs)
        return loss(logits, network.outputs_of(logits), targets).item()


def hidden(
    trial: Trial, parameters: Float[np.ndarray, " parameters"], data: Data, layer: int
) -> Float[np.ndarray, "samples units"]:
    """Return the activations of a hidden layer, counted from 1, for the training samples."""
    network = network_at(trial, parameters)
    with torch.no_grad():
        activations: np.ndarray = network.hidden(tensors(data, trial)[0], layer).numpy()
    return activations


def tensors(data: Data, trial: Trial) -> tuple[Tensor, Tensor]:
    """Return inputs and targets in the trial's dtype."""
    dtype = getattr(torch, trial.dtype)
    return torch.tensor(data.inputs, dtype=dtype), torch.tensor(data.targets, dtype=dtype)


def penalty(network: torch.nn.Module, trial: Trial) -> Tensor:
    """Return the L2 penalty, float64: weight_decay / 2 times the sum of squares; 0 if decoupled."""
    total = torch.zeros((), dtype=torch.float64)
    if trial.weight_decay and not component_of(trial, "optimizer")[0].decouples_decay:
        arrays = layout_of(trial).parameters
        for array, parameter in zip(arrays, network.parameters(), strict=True):
            if decays(trial, array):
                total = total + parameter.double().square().sum()
    return total * (trial.weight_decay / 2)


def _reconstructed(outputs: Tensor, targets: Tensor) -> int:
    worst = (outputs - targets).abs().amax(dim=-1)
    return int((worst <= RECONSTRUCTION_MARGIN).sum())


def _argmax_correct(outputs: Tensor, targets: Tensor) -> int:
    """Count rows whose largest output is at the target, and larger than every other."""
    right = outputs.masked_select(targets == 1)
    others = outputs.masked_fill(targets == 1, -torch.inf).amax(dim=-1)
    return int((right > others).sum())
