"""Claims: every update rule is torch.optim's, or Keras's where PyTorch has none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from sweep.components.optimizers import Step
from sweep.components.registry import OPTIMIZERS
from sweep.plugins.components import component_of, flags_of
from sweep.trial import Trial
from tests.trials import make_trial

STEPS = 200
SIZE = 7
TORCHS = (
    "sgd",
    "rmsprop",
    "adagrad",
    "adadelta",
    "adam",
    "adamw",
    "nadam",
    "adamax",
    "rprop",
)
"""Those that torch.optim has."""
CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in TORCHS),
    ("sgd", {"optimizer_momentum": 0.0}),
    ("sgd", {"optimizer_dampening": 0.3}),
    ("sgd", {"optimizer_nesterov": True}),
    ("rmsprop", {"optimizer_momentum": 0.6}),
    ("rmsprop", {"optimizer_centered": True, "optimizer_rho": 0.95}),
    ("rmsprop", {"optimizer_centered": True, "optimizer_momentum": 0.6}),
    ("adagrad", {"optimizer_initial_accumulator": 0.5}),
    ("adagrad", {"optimizer_decay": 0.02}),
    ("adam", {"optimizer_amsgrad": True}),
    ("adamw", {"optimizer_amsgrad": True}),
    ("rprop", {"optimizer_eta_minus": 0.6, "optimizer_step_max": 0.1}),
]


def gradients() -> Iterator[torch.Tensor]:
    """Yield gradients of changing sign and size."""
    generator = np.random.Generator(np.random.Philox(3))
    for step in range(STEPS):
        yield torch.from_numpy(generator.normal(size=SIZE) * np.cos(step / 9.0))


def run_rule(trial: Trial, start: np.ndarray) -> np.ndarray:
    """Train one lane between two others by the project's own rule; return its parameters."""
    lanes = [replace(trial, learning_rate=0.5), trial, replace(trial, learning_rate=0.1)]
    parameters = torch.from_numpy(np.tile(start, (3, 1)))
    rule, options = component_of(trial, "optimizer")
    flags = flags_of(rule, options)

    def first(lane: Trial, name: str) -> list[float]:
        return [rule.first(name, learning_rate=lane.learning_rate, options=options)] * SIZE

    slots = {
        name: torch.tensor([first(lane, name) for lane in lanes], dtype=torch.float64)
        for name in rule.slots(flags)
    }
    scalars = {name: torch.full((3,), value).double() for name, value in rule.scalars.items()}
    hyper = {
        name: torch.full((3, 1), float(value), dtype=torch.float64)
        for name, value in options.items()
    }
    rates = torch.tensor([[lane.learning_rate] for lane in lanes], dtype=torch.float64)
    for index, gradient in enumerate(gradients()):
        decay = trial.optimizer_decay or 0.0
        rule.torch(
            Step(
                parameters=parameters,
                gradient=gradient.repeat(3, 1),
                slots=slots,
                scalars=scalars,
                hyper=hyper,
                learning_rate=rates / (1 + decay * index),
                count=torch.full((3, 1), index + 1.0, dtype=torch.float64),
                flags=flags,
            )
        )
    return parameters[1].numpy()


def run_torch(trial: Trial, start: np.ndarray) -> np.ndarray:
    """Train the same by torch.optim, called as a user would."""
    torch.set_default_dtype(torch.float64)  # NAdam keeps a number in the default dtype
    try:
        parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
        optimizer = torch_optimizer(trial, [parameter])
        for gradient in gradients():
            parameter.grad = gradient.clone()
            optimizer.step()
    finally:
        torch.set_default_dtype(torch.float32)
    return parameter.detach().numpy()


def torch_optimizer(t: Trial, p: list[torch.nn.Parameter]) -> torch.optim.Optimizer:
    lr, eps = t.learning_rate, t.optimizer_epsilon
    betas = (t.optimizer_beta1, t.optimizer_beta2)
    momentum = t.optimizer_momentum or 0.0
    etas = (t.optimizer_eta_minus, t.optimizer_eta_plus)
    sizes = (t.optimizer_step_min, t.optimizer_step_max)
    start, decay = t.optimizer_initial_accumulator or 0.0, t.optimizer_decay or 0.0
    optim, amsgrad = torch.optim, bool(t.optimizer_amsgrad)
    factories = {
        "sgd": lambda: optim.SGD(
            p, lr, momentum, t.optimizer_dampening or 0.0, nesterov=bool(t.optimizer_nesterov)
        ),
        "rmsprop": lambda: optim.RMSprop(
            p, lr, t.optimizer_rho, eps, momentum=momentum, centered=bool(t.optimizer_centered)
        ),
        "adagrad": lambda: optim.Adagrad(
            p, lr, lr_decay=decay, initial_accumulator_value=start, eps=eps
        ),
        "adadelta": lambda: optim.Adadelta(p, lr, t.optimizer_rho, eps),
        "adam": lambda: optim.Adam(p, lr, betas, eps, amsgrad=amsgrad),
        "adamw": lambda: optim.AdamW(p, lr, betas, eps, weight_decay=0.0, amsgrad=amsgrad),
        "nadam": lambda: optim.NAdam(p, lr, betas, eps, momentum_decay=t.optimizer_momentum_decay),
        "adamax": lambda: optim.Adamax(p, lr, betas, eps),
        "rprop": lambda: optim.Rprop(p, lr, etas, sizes),
    }
    return factories[t.optimizer]()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES)
def test_rule_equals_torch_over_200_steps(name: str, options: dict[str, Any]) -> None:
    trial = make_trial(optimizer=name, learning_rate=0.02, **options)
    start = np.linspace(-1.0, 1.0, SIZE)
    np.testing.assert_allclose(run_rule(trial, start), run_torch(trial, start), rtol=0, atol=1e-12)


def test_rmsprop_with_epsilon_inside_is_keras_3s() -> None:
    trial = make_trial(optimizer_epsilon=1e-3, optimizer_epsilon_inside=True, learning_rate=0.02)
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, velocity = start.copy(), np.zeros(SIZE)
    for gradient in map(torch.Tensor.numpy, gradients()):
        velocity = 0.9 * velocity + 0.1 * gradient**2
        weights -= 0.02 * gradient / np.sqrt(velocity + 1e-3)
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


def test_adagrad_with_epsilon_inside_is_keras_3s() -> None:
    trial = make_trial(
        optimizer="adagrad",
        optimizer_epsilon=1e-3,
        optimizer_epsilon_inside=True,
        optimizer_initial_accumulator=0.1,
        learning_rate=0.02,
    )
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, total = start.copy(), np.full(SIZE, 0.1)
    for gradient in map(torch.Tensor.numpy, gradients()):
        total += gradient**2
        weights -= 0.02 * gradient / np.sqrt(total + 1e-3)
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_with_epsilon_hat_is_keras_3s(name: str, amsgrad: bool) -> None:
    options = {"optimizer_epsilon": 1e-3, "optimizer_epsilon_hat": True, "learning_rate": 0.02}
    trial = make_trial(optimizer=name, optimizer_amsgrad=amsgrad, **options)
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, m, v, largest = start.copy(), *np.zeros((3, SIZE))
    for step, gradient in enumerate(map(torch.Tensor.numpy, gradients()), start=1):
        alpha = 0.02 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        m += (gradient - m) * (1 - 0.9)
        v += (gradient**2 - v) * (1 - 0.999)
        largest = np.maximum(largest, v)
        weights -= m * alpha / (np.sqrt(largest if amsgrad else v) + 1e-3)
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


def test_adamax_with_epsilon_hat_is_keras_3s() -> None:
    options = {"optimizer_epsilon": 0.1, "optimizer_epsilon_hat": True, "learning_rate": 0.02}
    trial = make_trial(optimizer="adamax", **options)
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, m, u = start.copy(), *np.zeros((2, SIZE))
    for step, gradient in enumerate(map(torch.Tensor.numpy, gradients()), start=1):
        m += (gradient - m) * (1 - 0.9)
        u = np.maximum(0.999 * u, np.abs(gradient))
        weights -= 0.02 * m / ((1 - 0.9**step) * (u + 0.1))
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


def test_nadam_with_momentum_decay_1_is_keras_3s() -> None:
    trial = make_trial(
        optimizer="nadam",
        optimizer_momentum_decay=1.0,
        optimizer_epsilon=1e-3,
        learning_rate=0.02,
    )
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, m, v, product = start.copy(), *np.zeros((2, SIZE)), 1.0
    for step, gradient in enumerate(map(torch.Tensor.numpy, gradients()), start=1):
        now, ahead = (0.9 * (1 - 0.5 * 0.96**t) for t in (step, step + 1))
        product *= now
        m += (gradient - m) * (1 - 0.9)
        v += (gradient**2 - v) * (1 - 0.999)
        mean = ahead * m / (1 - product * ahead) + (1 - now) * gradient / (1 - product)
        weights -= 0.02 * mean / (np.sqrt(v / (1 - 0.999**step)) + 1e-3)
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


def test_decay_is_old_keras_for_rmsprop() -> None:
    trial = make_trial(optimizer_decay=0.05, optimizer_epsilon=1e-7, learning_rate=0.02)
    start = np.linspace(-1.0, 1.0, SIZE)
    weights, velocity = start.copy(), np.zeros(SIZE)
    for iteration, gradient in enumerate(map(torch.Tensor.numpy, gradients())):
        velocity = 0.9 * velocity + 0.1 * gradient**2
        weights -= 0.02 / (1 + 0.05 * iteration) * gradient / (np.sqrt(velocity) + 1e-7)
    np.testing.assert_allclose(run_rule(trial, start), weights, rtol=0, atol=1e-12)


def quickprop_step(slope: float, previous: float, last: float, *, rate: float, mu: float) -> float:
    """Return the next step of a weight as Fahlman's program computes it."""
    shrink, step = mu / (1 + mu), 0.0
    if last < 0:
        if slope > 0:
            step -= rate * slope
        if slope >= shrink * previous:
            step += mu * last
        else:
            step += last * slope / (previous - slope)
    elif last > 0:
        if slope < 0:
            step -= rate * slope
        if slope <= shrink * previous:
            step += mu * last
        else:
            step += last * slope / (previous - slope)
    else:
        step -= rate * slope
    return step


@pytest.mark.parametrize("mu", [1.75, 1.2])
def test_quickprop_is_fahlmans(mu: float) -> None:
    trial = make_trial(optimizer="quickprop", learning_rate=0.02, optimizer_max_growth=mu)
    weights = np.linspace(-1.0, 1.0, SIZE)
    wanted, previous, last = weights.copy(), np.zeros(SIZE), np.zeros(SIZE)
    kinds = set()
    for gradient in map(torch.Tensor.numpy, gradients()):
        for i, slope in enumerate(gradient):
            kinds.add((np.sign(last[i]), np.sign(slope), abs(slope) >= abs(previous[i])))
            last[i] = quickprop_step(slope, previous[i], last[i], rate=0.02, mu=mu)
            previous[i] = slope
        wanted += last
    assert len(kinds) > 8
    np.testing.assert_allclose(run_rule(trial, weights), wanted, rtol=1e-12, atol=1e-12)


def test_quickprop_finds_the_bottom_of_a_parabola_in_two_steps() -> None:
    """Two slopes of a parabola tell where it ends: 3 (w - 2)^2 from w = 0 with rate 0.1."""
    rule = OPTIMIZERS["quickprop"]
    slots = {name: torch.zeros(1, 1, dtype=torch.float64) for name in rule.slots({})}
    weight, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    for _ in range(2):
        rule.torch(
            Step(
                parameters=weight,
                gradient=6 * (weight - 2),
                slots=slots,
                scalars={},
                hyper={"max_growth": 100 * one},
                learning_rate=0.25 * one,
                count=one,
                flags={},
            )
        )
    assert weight.item() == pytest.approx(2.0, abs=1e-12)
