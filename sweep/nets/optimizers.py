"""Optimizers as pure update rules over flat parameters, one row a lane. Knows nothing of networks.

Semantics are torch.optim's (2.13) except where a rule says otherwise. All of them act element by
element, so that a lane never sees its neighbours. Hyperparameters are tensors of shape (lanes, 1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from sweep.trial import Trial

Flat = Float[Tensor, "lanes parameters"]
Column = Float[Tensor, "lanes 1"]


@dataclass(frozen=True)
class Step:
    """What an update rule works on.

    Attributes:
        parameters, gradient: changed in place, and read.
        slots: the rule's own arrays of the same shape, changed in place.
        scalars: its own numbers, float64, one a lane, changed in place.
        hyper: hyperparameters by Trial's name without `optimizer_`.
        learning_rate: of this update, after schedule and decay.
        count: number of this update, from 1, float64.
        shape: any of the lanes' trials, for the flags that choose the code.
    """

    parameters: Flat
    gradient: Flat
    slots: Mapping[str, Flat]
    scalars: Mapping[str, Float[Tensor, " lanes"]]
    hyper: Mapping[str, Column]
    learning_rate: Column
    count: Column
    shape: Trial

    def cast(self, column: Column) -> Column:
        return column.to(self.parameters.dtype)


def _sgd(s: Step) -> None:
    direction = s.gradient
    if s.shape.optimizer_momentum:
        buffer, momentum = s.slots["momentum_buffer"], s.hyper["momentum"]
        later = momentum * buffer + (1 - s.hyper["dampening"]) * s.gradient
        buffer.copy_(torch.where(s.count == 1, s.gradient, later))
        direction = s.gradient + momentum * buffer if s.shape.optimizer_nesterov else buffer
    s.parameters.sub_(s.learning_rate * direction)


def _rmsprop(s: Step) -> None:
    """Tieleman and Hinton 2012; epsilon inside the root is Keras 3's."""
    square, rho = s.slots["square_avg"], s.hyper["rho"]
    square.mul_(rho).add_((1 - rho) * s.gradient * s.gradient)
    variance = square
    if s.shape.optimizer_centered:
        mean = s.slots["grad_avg"]
        mean.add_((1 - rho) * (s.gradient - mean))
        variance = square - mean * mean
    direction = s.gradient / _root(variance, s)
    if s.shape.optimizer_momentum:
        direction = s.slots["momentum_buffer"].mul_(s.hyper["momentum"]).add_(direction)
    s.parameters.sub_(s.learning_rate * direction)


def _adagrad(s: Step) -> None:
    """Duchi et al. 2011; epsilon inside the root is Keras 3's."""
    total = s.slots["sum"].add_(s.gradient * s.gradient)
    s.parameters.sub_(s.learning_rate * s.gradient / _root(total, s))


def _adadelta(s: Step) -> None:
    """Zeiler 2012; epsilon is inside the root in PyTorch and Keras alike."""
    rho, epsilon = s.hyper["rho"], s.hyper["epsilon"]
    square, moved = s.slots["square_avg"], s.slots["acc_delta"]
    square.mul_(rho).add_((1 - rho) * s.gradient * s.gradient)
    delta = torch.sqrt(moved + epsilon) / torch.sqrt(square + epsilon) * s.gradient
    moved.mul_(rho).add_((1 - rho) * delta * delta)
    s.parameters.sub_(s.learning_rate * delta)


def _adam(s: Step) -> None:
    """Kingma and Ba 2014; adamw (Loshchilov and Hutter 2017) decays the weights beforehand.

    Epsilon hat is Keras 3's, as its documentation of Adam says: the small number of the formula
    just before section 2.1 of the paper, where the bias corrections are part of the learning rate.
    """
    mean, square = _moments(s)
    if s.shape.optimizer_amsgrad:
        square = torch.maximum(s.slots["max_exp_avg_sq"], square, out=s.slots["max_exp_avg_sq"])
    root, correction = torch.sqrt(square), s.cast(torch.sqrt(_correction(s, "beta2")))
    if s.shape.optimizer_epsilon_hat:
        denominator = (root + s.hyper["epsilon"]) / correction
    else:
        denominator = root / correction + s.hyper["epsilon"]
    s.parameters.sub_(s.learning_rate / s.cast(_correction(s, "beta1")) * mean / denominator)


def _nadam(s: Step) -> None:
    """Dozat 2016."""
    mean, square = _moments(s)
    beta1, decay = (s.hyper[name].double() for name in ("beta1", "momentum_decay"))
    momentum = beta1 * (1 - 0.5 * 0.96 ** (s.count * decay))
    following = beta1 * (1 - 0.5 * 0.96 ** ((s.count + 1) * decay))
    product = s.scalars["mu_product"].mul_(momentum[:, 0])[:, None]
    denominator = torch.sqrt(square / s.cast(_correction(s, "beta2"))) + s.hyper["epsilon"]
    now = s.cast((1 - momentum) / (1 - product))
    ahead = s.cast(following / (1 - product * following))
    s.parameters.sub_(s.learning_rate * (now * s.gradient + ahead * mean) / denominator)


def _adamax(s: Step) -> None:
    """Kingma and Ba 2014, section 7.1, where there is no epsilon.

    PyTorch adds it to each gradient's magnitude, Keras 3 to the norm where it divides.
    """
    mean, norm, epsilon = s.slots["exp_avg"], s.slots["exp_inf"], s.hyper["epsilon"]
    mean.add_((1 - s.hyper["beta1"]) * (s.gradient - mean))
    rate = s.learning_rate / s.cast(_correction(s, "beta1"))
    if s.shape.optimizer_epsilon_hat:
        torch.maximum(norm * s.hyper["beta2"], s.gradient.abs(), out=norm)
        s.parameters.sub_(rate * mean / (norm + epsilon))
    else:
        torch.maximum(norm * s.hyper["beta2"], s.gradient.abs() + epsilon, out=norm)
        s.parameters.sub_(rate * mean / norm)


def _rprop(s: Step) -> None:
    """Riedmiller and Braun 1993, without weight backtracking, as PyTorch's."""
    previous, size = s.slots["prev"], s.slots["step_size"]
    agreement = s.gradient * previous
    one = torch.ones_like(agreement)
    factor = torch.where(agreement > 0, s.hyper["eta_plus"], one)
    factor = torch.where(agreement < 0, s.hyper["eta_minus"], factor)
    size.mul_(factor)
    torch.minimum(torch.maximum(size, s.hyper["step_min"], out=size), s.hyper["step_max"], out=size)
    previous.copy_(torch.where(agreement < 0, torch.zeros_like(one), s.gradient))
    s.parameters.sub_(previous.sign() * size)


def _quickprop(s: Step) -> None:
    """Fahlman 1988 (CMU-CS-88-162), as his code has it, element by element.

    With S the slope (the gradient, weight decay included), S' the slope and d the step before, mu
    the largest growth: the step is mu d where S is still beyond mu / (1 + mu) of S' on the side
    that d came down, else the secant's d S / (S' - S); where d still goes downhill, or is 0, the
    gradient's -rate S joins it. Fahlman sums slopes over patterns and divides the rate by the
    fan-in; here they are those of the loss, mostly a mean, and the rate is as given.
    """
    slope, previous, last = s.gradient, s.slots["prev"], s.slots["delta"]
    growth = s.hyper["max_growth"]
    edge = growth / (1 + growth) * previous
    beyond = torch.where(last < 0, slope >= edge, slope <= edge)
    jump = torch.where(beyond, growth * last, last * slope / (previous - slope))
    jump = torch.where(last == 0, torch.zeros_like(jump), jump)
    downhill = last.sign() * slope <= 0
    slide = s.learning_rate * torch.where(downhill, slope, torch.zeros_like(slope))
    last.copy_(jump - slide)
    previous.copy_(slope)
    s.parameters.add_(last)


def _moments(s: Step) -> tuple[Flat, Flat]:
    mean, square = s.slots["exp_avg"], s.slots["exp_avg_sq"]
    mean.add_((1 - s.hyper["beta1"]) * (s.gradient - mean))
    square.mul_(s.hyper["beta2"]).add_((1 - s.hyper["beta2"]) * s.gradient * s.gradient)
    return mean, square


def _correction(s: Step, beta: str) -> Column:
    """Return 1 - beta**count, float64."""
    return 1 - s.hyper[beta].double() ** s.count


def _root(square: Flat, s: Step) -> Flat:
    if s.shape.optimizer_epsilon_inside:
        return torch.sqrt(square + s.hyper["epsilon"])
    return torch.sqrt(square) + s.hyper["epsilon"]


@dataclass(frozen=True)
class Optimizer:
    """An update rule and the names of its hyperparameters and slots."""

    update: Callable[[Step], None]
    hyper: tuple[str, ...]
    slots: tuple[str, ...]


_MOMENTS = ("exp_avg", "exp_avg_sq")
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": Optimizer(_sgd, ("momentum", "dampening"), ()),
    "rmsprop": Optimizer(_rmsprop, ("rho", "epsilon", "momentum"), ("square_avg",)),
    "adagrad": Optimizer(_adagrad, ("epsilon",), ("sum",)),
    "adadelta": Optimizer(_adadelta, ("rho", "epsilon"), ("square_avg", "acc_delta")),
    "adam": Optimizer(_adam, ("beta1", "beta2", "epsilon"), _MOMENTS),
    "adamw": Optimizer(_adam, ("beta1", "beta2", "epsilon"), _MOMENTS),
    "nadam": Optimizer(_nadam, ("beta1", "beta2", "epsilon", "momentum_decay"), _MOMENTS),
    "adamax": Optimizer(_adamax, ("beta1", "beta2", "epsilon"), ("exp_avg", "exp_inf")),
    "rprop": Optimizer(
        _rprop, ("eta_minus", "eta_plus", "step_min", "step_max"), ("prev", "step_size")
    ),
    "quickprop": Optimizer(_quickprop, ("max_growth",), ("prev", "delta")),
}


def slot_names(shape: Trial) -> tuple[str, ...]:
    """Return the names of the arrays that a trial's optimizer keeps."""
    extra = {
        "momentum_buffer": bool(shape.optimizer_momentum),
        "grad_avg": bool(shape.optimizer_centered),
        "max_exp_avg_sq": bool(shape.optimizer_amsgrad),
    }
    return (*OPTIMIZERS[shape.optimizer].slots, *(name for name, used in extra.items() if used))


def slot_start(trial: Trial, slot: str) -> float:
    """Return the value that a slot is filled with before the first update."""
    if slot == "sum":
        return trial.optimizer_initial_accumulator or 0.0
    return trial.learning_rate if slot == "step_size" else 0.0


def scalar_starts(shape: Trial) -> dict[str, float]:
    """Return the first values of the numbers that a trial's optimizer keeps."""
    return {"mu_product": 1.0} if shape.optimizer == "nadam" else {}
