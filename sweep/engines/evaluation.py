"""Evaluates a network at its saved weights, alone, so that nothing else can change the result."""

import warnings

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sweep.datasets.data import Data
from sweep.engines.contract import RECONSTRUCTION_MARGIN, Evaluation
from sweep.engines.penalties import CodePenalties, contracts, squared_jacobian
from sweep.nets.autoencoder import Autoencoder, network_at
from sweep.nets.layout import decays, layout_of
from sweep.nets.losses import Loss, trial_loss
from sweep.nets.modules import OwnNetwork
from sweep.plugins.components import component_of
from sweep.trial import Trial

MOST_DERIVATIVES = 4_000_000  # of codes by inputs in memory at once


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
    codes_penalty = CodePenalties.of_trial(trial).of(codes, None)
    objective = loss + penalty(network, trial) + codes_penalty
    found = torch.autograd.grad(objective, list(network.parameters()), allow_unused=True)
    gradients = [gradient for gradient in found if gradient is not None]
    if contracts(trial):
        assert isinstance(network, Autoencoder), "a plan refuses it of others"
        objective = objective + _contract(network, trial, inputs, gradients)
    squares = [gradient.double().square().sum() for gradient in gradients]
    return Evaluation(
        loss=loss.item(),
        objective=objective.item(),
        gradient_norm=torch.stack(squares).sum().sqrt().item(),
        samples_reconstructed=_reconstructed(outputs, targets),
        argmax_correct=_argmax_correct(outputs, targets) if data.one_hot else None,
        validation_loss=validate(trial, parameters, data),
    )


def validate(
    trial: Trial, parameters: Float[np.ndarray, " parameters"], data: Data
) -> float | None:
    """Return the loss of the network of `trial` on held-out samples; None if there are none.

    Args:
        trial: the network and its loss.
        parameters: flat, as `LaneState.network` has them.
        data: what it was trained on.
    """
    held_out = held_out_tensors(data, trial)
    if held_out is None:
        return None
    return loss_on(held_out, network_at(trial, parameters), trial_loss(trial))


def loss_on(samples: tuple[Tensor, Tensor], network: Autoencoder | OwnNetwork, loss: Loss) -> float:
    """Return the loss of a network, in evaluation mode, on inputs and their targets."""
    inputs, targets = samples
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
    """Return inputs and targets in the trial's dtype, in the memory of the data: only to read."""
    inputs, targets = map(_tensor, data.in_dtype(trial.dtype))
    return inputs, targets


def _tensor(array: np.ndarray) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def held_out_tensors(data: Data, trial: Trial) -> tuple[Tensor, Tensor] | None:
    """Return held-out inputs and targets in the trial's dtype; None where there are none."""
    held_out = data.held_out_in_dtype(trial.dtype)
    if held_out is None:
        return None
    inputs, targets = map(_tensor, held_out)
    return inputs, targets


def penalty(network: torch.nn.Module, trial: Trial) -> Tensor:
    """Return the penalties on weights, float64.

    That is weight_decay / 2 times the sum of squares, none if decoupled, and weight_l1 times the
    sum of magnitudes.
    """
    decay = 0.0 if component_of(trial, "optimizer")[0].decouples_decay else trial.weight_decay
    squares = magnitudes = torch.zeros((), dtype=torch.float64)
    for array, parameter in zip(layout_of(trial).parameters, network.parameters(), strict=True):
        if decay and decays(trial, array):
            squares = squares + parameter.double().square().sum()
        if trial.weight_l1 and decays(trial, array):
            magnitudes = magnitudes + parameter.double().abs().sum()
    return squares * (decay / 2) + magnitudes * trial.weight_l1


def _contract(
    network: Autoencoder, trial: Trial, inputs: Tensor, gradients: list[Tensor]
) -> Tensor:
    """Return the contractive penalty, and add its gradients to those of the parameters.

    By some samples at a time, as many as keep the derivatives of codes in memory.
    """
    total = torch.zeros((), dtype=torch.float64)
    width = trial.topology[network.bottleneck] * inputs.shape[1]
    for part in torch.split(inputs, max(1, MOST_DERIVATIVES // width)):
        leaf = part.clone().requires_grad_()
        share = trial.contractive_penalty * len(part) / len(inputs)
        found = share * squared_jacobian(network.encode(leaf), leaf)
        parameters = list(network.parameters())
        more = torch.autograd.grad(found, parameters, allow_unused=True)
        for row, gradient in enumerate(more):
            gradients[row] = gradients[row] if gradient is None else gradients[row] + gradient
        total = total + found.detach()
    return total


def _reconstructed(outputs: Tensor, targets: Tensor) -> int:
    worst = (outputs - targets).abs().amax(dim=-1)
    return int((worst <= RECONSTRUCTION_MARGIN).sum())


def _argmax_correct(outputs: Tensor, targets: Tensor) -> int:
    """Count rows whose largest output is at the target, and larger than every other."""
    right = outputs.masked_select(targets == 1)
    others = outputs.masked_fill(targets == 1, -torch.inf).amax(dim=-1)
    return int((right > others).sum())
