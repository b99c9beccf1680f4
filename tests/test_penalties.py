"""Claims: penalties on weights and codes join the objective and its gradient as formulas say."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweep.training.probes.diagnosis import Examiner
from sweep.trial import Trial
from tests.sweepfiles import faults_of, small, trials_of
from tests.test_features import (
    ENGINES,
    EPOCHS,
    EYE,
    both,
    close,
    feature_trial,
    forward,
    linears,
    trained,
)
from tests.trials import lanes_of_trials, one_hot


def flat_of(layers: nn.ModuleList) -> np.ndarray:
    return nn.utils.parameters_to_vector(layers.parameters()).detach().numpy()


def evaluated(engine: str, trial: Trial, flat: np.ndarray) -> Any:
    """Return the evaluation of a trial's network at weights."""
    made = ENGINES[engine](trial)
    state = made.begin(lanes_of_trials(trial))
    state.parameters[0] = flat
    return made.evaluate(lanes_of_trials(trial), state)[0]


STEPS: dict[str, dict[str, Any]] = {
    "sgd": {"momentum": 0.5, "weight_decay": 0.1},
    "adamw": {"weight_decay": 0.1},
    "rprop": {},
}


@both
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_the_sign_of_weights_joins_the_gradient_after_clipping(
    engine: str, name: str, biases: bool
) -> None:
    changes = {} if name == "rprop" else {"optimizer_momentum": STEPS[name].get("momentum")}
    decay = STEPS[name].get("weight_decay", 0.0)
    trial = feature_trial(
        **{"optimizer": name, "optimizer_momentum": None, **changes},
        learning_rate=0.01,
        weight_decay=decay,
        weight_l1=0.02,
        decay_biases=biases,
        bias_constant=0.3,
        gradient_clip="norm",
        gradient_clip_limit=0.05,
    )
    layers = linears(trial)
    kinds = ("weight", "bias")
    weights, others = ([getattr(layer, kind) for layer in layers] for kind in kinds)
    groups = [
        {"params": weights, "weight_decay": decay},
        {"params": others, "weight_decay": decay if biases else 0.0},
    ]
    groups = [{"params": g["params"]} for g in groups] if name == "rprop" else groups
    made = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW, "rprop": torch.optim.Rprop}[name]
    optimizer = made(groups, lr=0.01, **({"momentum": 0.5} if name == "sgd" else {}))
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        nn.functional.mse_loss(forward(layers, EYE), EYE).backward()
        nn.utils.clip_grad_norm_(layers.parameters(), 0.05)
        for parameter in [*weights, *(others if biases else [])]:
            parameter.grad += 0.02 * parameter.detach().sign()
        optimizer.step()
    beside = (replace(trial, seed=3, weight_l1=0.1),)
    close(trained(engine, trial, beside=beside).parameters[0], flat_of(layers))


@both
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_objective_has_the_magnitudes_of_weights(
    engine: str, optimizer: str, biases: bool
) -> None:
    trial = feature_trial(
        optimizer=optimizer,
        optimizer_momentum=None,
        weight_l1=0.02,
        weight_decay=0.1,
        decay_biases=biases,
        bias_constant=0.3,
    )
    layers = linears(trial)
    loss = nn.functional.mse_loss(forward(layers, EYE), EYE)
    penalised = [p for name, p in layers.named_parameters() if biases or "weight" in name]
    objective = loss + 0.02 * sum(p.abs().sum() for p in penalised)
    if optimizer == "adam":
        objective = objective + 0.05 * sum(p.square().sum() for p in penalised)
    gradients = torch.autograd.grad(objective, list(layers.parameters()))
    found = evaluated(engine, trial, flat_of(layers))
    assert found.loss == pytest.approx(loss.item(), rel=1e-12)
    assert found.objective == pytest.approx(objective.item(), rel=1e-12)
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    assert found.gradient_norm == pytest.approx(norm, rel=1e-12)
    assert norm == pytest.approx(probed_norm(trial), rel=1e-12)


def probed_norm(trial: Trial) -> float:
    """Return the norm of the gradient that a probe of the first weights finds."""
    lanes = lanes_of_trials(trial)
    state = ENGINES["torch"](trial).begin(lanes)
    found = Examiner(trial, one_hot(trial.topology[0])).probe(lanes, state, None)
    return float(np.linalg.norm(found["gradient_norm"]))


def test_penalties_on_weights_are_axes_of_the_sweep_file() -> None:
    trials = trials_of(grid={"weight_l1": [0, 0.01], "weight_decay": [0, 0.1]})
    found = [(trial.weight_l1, trial.weight_decay) for trial in trials]
    assert found == [(0.0, 0.0), (0.01, 0.0), (0.0, 0.1), (0.01, 0.1)]
    assert trials[0].trial_id == trials_of()[0].trial_id
    assert len({trial.trial_id for trial in trials}) == 4
    (fault,) = faults_of(small(fixed={"l1": 0.1}))
    assert "did you mean 'weight_l1'?" in str(fault)
