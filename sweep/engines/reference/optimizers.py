"""torch.optim's optimizers for one trial, with their state to and from a `LaneState`."""

from typing import Any

import torch
from torch import nn

from sweep.components.by_update import ByUpdate
from sweep.engines.state import LaneState
from sweep.nets.layout import decays, layout_of
from sweep.plugins.components import component_of
from sweep.trial import Trial


class ReferenceOptimizer:
    """One trial's optimizer, whose learning rate is set anew for every update."""

    def __init__(self, trial: Trial, network: nn.Module) -> None:
        self._parameters = list(network.parameters())
        optimizer, options = component_of(trial, "optimizer")
        groups = _groups(trial, self._parameters)
        pairs = zip(layout_of(trial).parameters, self._parameters, strict=True)
        self._penalised = [parameter for array, parameter in pairs if decays(trial, array)]
        self._inner = optimizer.reference(groups, lr=trial.learning_rate, options=options)
        self._preset = isinstance(self._inner, ByUpdate) or bool(optimizer.scalars)
        self._l1 = trial.weight_l1
        self._decays_itself = "weight_decay" in self._inner.defaults
        self.updates = 0

    def step(self, rate: float) -> None:
        """Update the network by its gradients, at this learning rate."""
        for group in self._inner.param_groups:
            group["lr"] = rate
        if self._l1:
            self._add_signs()
        if not self._decays_itself:  # torch's Rprop has no weight decay of its own
            for group in self._inner.param_groups:
                for parameter in group["params"] if group["weight_decay"] else ():
                    assert parameter.grad is not None
                    parameter.grad += group["weight_decay"] * parameter.detach()
        self._inner.step()
        self.updates += 1

    def _add_signs(self) -> None:
        """Add the gradient of the L1 penalty, which torch.optim does not know."""
        for parameter in self._penalised:
            assert parameter.grad is not None
            parameter.grad += self._l1 * parameter.detach().sign()

    def load(self, state: LaneState) -> None:
        """Load slots and counters from a state of one lane."""
        self.updates = int(state.updates[0])
        if self.updates == 0 and not self._preset:
            return  # torch.optim makes its own first state; NAdam's would hold a float32 number
        for name, slot in state.slots.items():
            pieces = torch.split(
                torch.from_numpy(slot[0].copy()), [p.numel() for p in self._parameters]
            )
            for parameter, piece in zip(self._parameters, pieces, strict=True):
                self._inner.state[parameter][name] = piece.view_as(parameter)
        for parameter in self._parameters:
            inner = self._inner.state[parameter]
            inner["step"] = torch.tensor(float(self.updates))
            if "mu_product" in state.scalars:
                inner["mu_product"] = torch.tensor(state.scalars["mu_product"][0])

    def save(self, state: LaneState) -> None:
        """Write slots and counters into a state of one lane."""
        state.updates[0] = self.updates
        for name, slot in state.slots.items():
            pieces = [self._inner.state[p][name].flatten() for p in self._parameters]
            slot[0] = torch.cat(pieces).numpy()
        for scalar, values in state.scalars.items():
            values[0] = self._inner.state[self._parameters[0]][scalar].item()


def _groups(trial: Trial, parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    """Return parameters with their weight decay, as torch.optim takes them."""
    arrays = layout_of(trial).parameters
    groups: list[dict[str, Any]] = []
    for decayed in (True, False):
        pairs = zip(arrays, parameters, strict=True)
        members = [parameter for array, parameter in pairs if decays(trial, array) is decayed]
        weight_decay = trial.weight_decay if decayed else 0.0
        groups += [{"params": members, "weight_decay": weight_decay}] if members else []
    return groups
