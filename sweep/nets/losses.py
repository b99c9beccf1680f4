"""Losses of networks, from the terms of their component.

Every loss takes pre-activations, outputs and targets of shape (..., samples, features) and returns
one float64 number for each leading index: terms are computed in the network's dtype and summed in
float64. By reduction `mean` it is that over samples and outputs, or over samples alone where the
component says so; by `sum` the sum over both.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sweep.components.losses import Loss as Component
from sweep.components.losses import Variant
from sweep.plugins.components import component_of
from sweep.trial import Trial

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(pre-activations, outputs, targets) to one loss for each leading index."""


def trial_loss(trial: Trial) -> Loss:
    """Return the loss of a trial."""
    component, options = component_of(trial, "loss")
    output, _ = component_of(trial, "output_activation")
    softmax = output is not None and output.softmax
    variant = Variant(semantics=options.get("semantics"), softmax=softmax, options=options)
    return loss_of(component, variant, reduction=trial.loss_reduction)


def loss_of(component: Component, variant: Variant, *, reduction: str = "mean") -> Loss:
    """Return the loss that sums a component's terms, or takes their mean."""

    def loss(logits: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
        terms = component.torch(logits, outputs, targets, variant)
        if component.reduces:
            return terms.to(torch.float64)
        total = terms.sum(dim=(-2, -1), dtype=torch.float64)
        if reduction == "sum":
            return total
        samples, features = terms.shape[-2:]
        return total / (samples if component.sums_outputs else samples * features)

    return loss
