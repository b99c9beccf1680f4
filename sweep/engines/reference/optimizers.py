"""torch.optim's optimizers for one trial, with their state to and from a `LaneState`."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sweep.engines.state import LaneState
from sweep.nets.layout import decays, layout_of
from sweep.trial import Trial


class OwnOptimizer(torch.optim.Optimizer):
    """An optimizer that PyTorch lacks, parameter by parameter."""

    def __init__(self, params: Any, lr: float, **options: Any) -> None:
        super().__init__(params, {"lr": lr, **options})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                self._update(parameter, group, self.state[parameter])

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        raise NotImplementedError


class InsideRMSprop(OwnOptimizer):
    """RMSprop with epsilon inside the square root, as Keras 3: PyTorch has none."""

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        gradient = p.grad + group["weight_decay"] * p
        square = state["square_avg"]
        square += (1 - group["alpha"]) * (gradient**2 - square)
        variance = square
        if group["centered"]:
            state["grad_avg"] += (1 - group["alpha"]) * (gradient - state["grad_avg"])
            variance = square - state["grad_avg"] ** 2
        step = gradient / torch.sqrt(variance + group["eps"])
        if group["momentum"]:
            state["momentum_buffer"].mul_(group["momentum"]).add_(step)
            step = state["momentum_buffer"]
        p -= group["lr"] * step


class InsideAdagrad(OwnOptimizer):
    """Adagrad with epsilon inside the square root, as Keras 3: PyTorch has none."""

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        gradient = p.grad + group["weight_decay"] * p
        total = state["sum"]
        total += gradient**2
        p -= group["lr"] * gradient / torch.sqrt(total + group["eps"])


class KerasAdam(OwnOptimizer):
    """Adam and AdamW as keras.optimizers has them, with epsilon hat: PyTorch has none."""

    def __init__(self, params: Any, lr: float, *, decoupled: bool = False, **options: Any) -> None:
        super().__init__(params, lr, decoupled=decoupled, **options)

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        gradient, (beta1, beta2) = p.grad, group["betas"]
        if group["decoupled"]:
            p -= group["weight_decay"] * group["lr"] * p
        else:
            gradient = gradient + group["weight_decay"] * p
        state["step"] += 1
        step, m, v = state["step"].item(), state["exp_avg"], state["exp_avg_sq"]
        m += (gradient - m) * (1 - beta1)
        v += (gradient**2 - v) * (1 - beta2)
        if group["amsgrad"]:
            v = torch.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        rate = group["lr"] * math.sqrt(1 - beta2**step) / (1 - beta1**step)
        p -= m * rate / (torch.sqrt(v) + group["eps"])


class KerasAdamax(OwnOptimizer):
    """Adamax as keras.optimizers has it, with epsilon beside the norm: PyTorch's is within."""

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        gradient, (beta1, beta2) = p.grad + group["weight_decay"] * p, group["betas"]
        state["step"] += 1
        m, u = state["exp_avg"], state["exp_inf"]
        m += (gradient - m) * (1 - beta1)
        torch.maximum(u * beta2, gradient.abs(), out=u)
        p -= group["lr"] * m / ((1 - beta1 ** state["step"].item()) * (u + group["eps"]))


class Quickprop(OwnOptimizer):
    """Fahlman's Quickprop, case by case: PyTorch has none."""

    def _update(self, p: Tensor, group: dict[str, Any], state: dict[str, Tensor]) -> None:
        assert p.grad is not None
        slope = p.grad + group["weight_decay"] * p
        step = _quickstep(slope, state["prev"], state["delta"], group)
        state["prev"], state["delta"] = slope, step
        p += step


def _quickstep(slope: Tensor, previous: Tensor, last: Tensor, group: dict[str, Any]) -> Tensor:
    growth, plain = group["max_growth"], -group["lr"] * slope
    shrink = growth / (1 + growth)
    step = torch.where(last == 0, plain, last * slope / (previous - slope))
    for falling, sign in ((last < 0, 1), (last > 0, -1)):
        steep = falling & (sign * slope >= sign * shrink * previous)
        step = torch.where(steep, growth * last, step)
        step = torch.where(falling & (sign * slope > 0), step + plain, step)
    return step


class ReferenceOptimizer:
    """One trial's optimizer, whose learning rate is set anew for every update."""

    def __init__(self, trial: Trial, network: nn.Module) -> None:
        self._trial = trial
        self._parameters = list(network.parameters())
        self._inner = _build(trial, _groups(trial, self._parameters))
        self.updates = 0

    def step(self, rate: float) -> None:
        """Update the network by its gradients, at this learning rate."""
        for group in self._inner.param_groups:
            group["lr"] = rate
        if self._trial.optimizer == "rprop":
            for group in self._inner.param_groups:  # torch's Rprop has no weight decay of its own
                for parameter in group["params"] if group["weight_decay"] else ():
                    assert parameter.grad is not None
                    parameter.grad += group["weight_decay"] * parameter.detach()
        self._inner.step()
        self.updates += 1

    def load(self, state: LaneState) -> None:
        """Take over slots and counters from a state of one lane."""
        self.updates = int(state.updates[0])
        preset = isinstance(self._inner, _PRESET)
        if self.updates == 0 and not preset:
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


_OPTIM = torch.optim
_PRESET = (InsideRMSprop, InsideAdagrad, KerasAdam, KerasAdamax, Quickprop, _OPTIM.NAdam)
_TAKES: dict[str, tuple[type[torch.optim.Optimizer], tuple[str, ...]]] = {
    "sgd": (_OPTIM.SGD, ("momentum", "dampening", "nesterov")),
    "rmsprop": (_OPTIM.RMSprop, ("alpha", "eps", "momentum", "centered")),
    "adagrad": (_OPTIM.Adagrad, ("eps", "initial_accumulator_value")),
    "adadelta": (_OPTIM.Adadelta, ("rho", "eps")),
    "adam": (_OPTIM.Adam, ("betas", "eps", "amsgrad")),
    "adamw": (_OPTIM.AdamW, ("betas", "eps", "amsgrad")),
    "nadam": (_OPTIM.NAdam, ("betas", "eps", "momentum_decay")),
    "adamax": (_OPTIM.Adamax, ("betas", "eps")),
    "rprop": (_OPTIM.Rprop, ("etas", "step_sizes")),
    "quickprop": (Quickprop, ("max_growth",)),
}
_KERAS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "rmsprop": InsideRMSprop,
    "adagrad": InsideAdagrad,
    "adam": KerasAdam,
    "adamw": partial(KerasAdam, decoupled=True),
    "adamax": KerasAdamax,
}
"""What has epsilon where Keras has it."""


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


def _build(trial: Trial, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return torch.optim's optimizer with the trial's hyperparameters."""
    kind, names = _TAKES[trial.optimizer]
    options = {name: value for name, value in _torch_names(trial).items() if name in names}
    build: Any = kind
    if trial.optimizer_epsilon_inside or trial.optimizer_epsilon_hat:
        build = _KERAS[trial.optimizer]
    elif kind is not Quickprop:
        options["foreach"] = False
    made: torch.optim.Optimizer = build(groups, lr=trial.learning_rate, **options)
    return made


def _torch_names(trial: Trial) -> dict[str, Any]:
    """Return a trial's hyperparameters under the names that torch.optim gives them."""
    return {
        "momentum": trial.optimizer_momentum or 0.0,
        "dampening": trial.optimizer_dampening or 0.0,
        "nesterov": bool(trial.optimizer_nesterov),
        "alpha": trial.optimizer_rho,
        "rho": trial.optimizer_rho,
        "eps": trial.optimizer_epsilon,
        "centered": bool(trial.optimizer_centered),
        "initial_accumulator_value": trial.optimizer_initial_accumulator or 0.0,
        "betas": (trial.optimizer_beta1, trial.optimizer_beta2),
        "amsgrad": bool(trial.optimizer_amsgrad),
        "momentum_decay": trial.optimizer_momentum_decay,
        "etas": (trial.optimizer_eta_minus, trial.optimizer_eta_plus),
        "step_sizes": (trial.optimizer_step_min, trial.optimizer_step_max),
        "max_growth": trial.optimizer_max_growth,
    }
