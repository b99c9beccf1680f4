"""Optimizers that PyTorch lacks, for the reference engine: parameter by parameter, plainly."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

Update = Callable[[Tensor, Tensor, dict[str, Tensor], dict[str, Any]], None]
"""(parameter, gradient, state, group): changes the parameter and its state in place."""


class ByUpdate(torch.optim.Optimizer):
    """An optimizer made of the update of one parameter; its state is set before the first."""

    def __init__(
        self, groups: Any, update: Update, *, lr: float, decoupled: bool = False, **options: Any
    ) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, **options})
        self._one, self._decoupled = update, decoupled

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                self._update(parameter, group, self.state[parameter])

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        state["step"] += 1
        if self._decoupled:
            p -= group["weight_decay"] * group["lr"] * p
            self._one(p, p.grad, state, group)
        else:
            self._one(p, p.grad + group["weight_decay"] * p, state, group)


def torch_options(options: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """Return options under the names that torch.optim gives them, whose loops are not batched."""
    return {"foreach": False} | {theirs: options[ours] for theirs, ours in names.items()}
