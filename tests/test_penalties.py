"""Claims: penalties on weights and codes join the objective and its gradient as formulas say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import sweep
from sweep.components.sparsity.kl import RelativeEntropy
from sweep.engines.torch.engine import TorchEngine
from sweep.nets.autoencoder import network_at
from sweep.planning.engines import choose_engine
from sweep.training.probes.diagnosis import Examiner
from sweep.trial import Trial
from tests.sweepfiles import faults_of, small, trials_of
from tests.test_engines_agree import differences, engines
from tests.test_features import (
    ENGINES,
    EPOCHS,
    EYE,
    both,
    close,
    descend,
    feature_trial,
    forward,
    linears,
    trained,
)
from tests.trials import columns_of, lanes_of_trials, make_trial, one_hot


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


KL = columns_of("sparsity", "kl", target=0.05, weight=0.3)


def divergence(codes: Tensor, target: float) -> Tensor:
    """Return Ng's penalty on a batch's codes, as his notes have it."""
    mean = codes.mean(dim=0)
    terms = target * torch.log(target / mean)
    return (terms + (1 - target) * torch.log((1 - target) / (1 - mean))).sum()


def squares(encode: Any, inputs: Tensor) -> Tensor:
    """Return the mean squared Frobenius norm of the derivatives of codes, by another autograd."""
    jacobians = torch.func.vmap(torch.func.jacrev(encode))(inputs)
    return jacobians.square().sum(dim=(1, 2)).mean()


DEEP = {"topology": (6, 5, 3, 5, 6), "seed": 4}
CODES: dict[str, dict[str, Any]] = {
    "sparsity": KL,
    "contractive_penalty": {"contractive_penalty": 0.4},
    "both": KL | {"contractive_penalty": 0.4, "code_penalty": 0.02},
}


def penalty_of(trial: Trial, layers: nn.ModuleList) -> Tensor:
    def encode(values: Tensor) -> Tensor:
        return forward(layers[:2], values)

    codes = encode(EYE)
    total = trial.code_penalty * codes.abs().sum(dim=1).mean()
    if trial.sparsity == "kl":
        total = total + trial.sparsity_weight * divergence(codes, trial.sparsity_target)
    if trial.contractive_penalty:
        total = total + trial.contractive_penalty * squares(encode, EYE)
    return total


@both
@pytest.mark.parametrize("name", sorted(CODES))
def test_a_penalty_on_codes_joins_the_objective_not_the_loss(engine: str, name: str) -> None:
    trial = feature_trial(**DEEP, **CODES[name])
    layers = linears(trial)

    def objective(_: int = 0) -> Tensor:
        return nn.functional.mse_loss(forward(layers, EYE), EYE) + penalty_of(trial, layers)

    gradients = torch.autograd.grad(objective(), list(layers.parameters()))
    found = evaluated(engine, trial, flat_of(layers))
    loss = nn.functional.mse_loss(forward(layers, EYE), EYE).item()
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    assert found.loss == pytest.approx(loss, rel=1e-12)
    assert found.objective == pytest.approx(objective().item(), rel=1e-12)
    assert found.gradient_norm == pytest.approx(norm, rel=1e-12)
    assert probed_norm(trial) == pytest.approx(norm, rel=1e-12)
    wanted = descend(layers, objective)
    other = {n: getattr(trial, n) / 2 for n in ("contractive_penalty", "code_penalty")}
    beside = replace(trial, seed=8, **other)
    if trial.sparsity == "kl":
        beside = replace(beside, **columns_of("sparsity", "kl", target=0.2, weight=2.0))
    state = trained(engine, trial, beside=(beside,))
    close(state.parameters[0], wanted)


def test_of_one_sigmoid_layer_the_contraction_has_its_closed_form() -> None:
    """Rifai et al. 2011: the sum over units of (h (1 - h))^2 times their weights' squares."""
    trial = feature_trial(contractive_penalty=0.4)
    layers = linears(trial)
    codes = forward(layers[:1], EYE)
    slopes = (codes * (1 - codes)).square()
    norms = layers[0].weight.square().sum(dim=1)
    found = evaluated("reference", trial, flat_of(layers))
    wanted = 0.4 * (slopes * norms).sum(dim=1).mean().item()
    assert found.objective - found.loss == pytest.approx(wanted, rel=1e-12)


def test_a_contraction_by_parts_is_that_of_all_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = feature_trial(**DEEP, contractive_penalty=0.4)
    flat = flat_of(linears(trial))
    whole = evaluated("reference", trial, flat)
    monkeypatch.setattr("sweep.engines.evaluation.MOST_DERIVATIVES", 4 * 3 * 6)
    parts = evaluated("reference", trial, flat)
    assert parts.objective == pytest.approx(whole.objective, rel=1e-14)
    assert parts.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-13)


def test_means_at_the_ends_have_a_finite_divergence_and_no_gradient() -> None:
    means = torch.tensor([0.0, 1.0, 0.05, 1e-8], dtype=torch.float64, requires_grad=True)
    found = RelativeEntropy().torch(means, {"target": 0.05})
    found.sum().backward()
    least = 0.05 * np.log(0.05 / 1e-7) + 0.95 * np.log(0.95 / (1 - 1e-7))
    most = 0.05 * np.log(0.05 / (1 - 1e-7)) + 0.95 * np.log(0.95 / 1e-7)
    assert found.tolist() == pytest.approx([least, most, 0.0, least], rel=1e-9, abs=1e-15)
    assert means.grad is not None
    assert means.grad.tolist() == pytest.approx([0.0, 0.0, 0.0, 0.0], abs=1e-13)


def test_a_sparse_code_comes_to_its_target() -> None:
    options = columns_of("sparsity", "kl", target=0.1, weight=10.0)
    trial = feature_trial(**options, learning_rate=0.1)
    codes = []
    for changes in ({}, {"sparsity": "none"}):
        network = network_at(trial, trained("torch", replace(trial, **changes)).network(0))
        codes.append(network.encode(EYE).mean(dim=0).detach().numpy())
    assert np.abs(codes[0] - 0.1).max() < 0.03
    assert codes[1].min() > 0.3


TOGETHER: dict[str, dict[str, Any]] = {
    "mini-batches": KL | {"contractive_penalty": 0.1, "batch_size": 4, "sample_order": "shuffled"},
    "noise and dropout": KL
    | {"contractive_penalty": 0.1, "input_dropout": 0.2, "hidden_dropout": 0.3}
    | {"input_noise": "gaussian", "input_noise_scale": 0.1},
    "tied": KL | {"contractive_penalty": 0.1, "tied_weights": True, "weight_l1": 0.01},
    "tanh": {"activation": "tanh", "contractive_penalty": 0.1, "code_penalty": 0.1},
    "relu": {"activation": "relu", "contractive_penalty": 0.1, "biases": False},
    "gelu": {"activation": "gelu", "contractive_penalty": 0.1, "weight_l1": 0.01},
    "batch normalisation": KL
    | columns_of("normalisation", "batch")
    | {"hidden_dropout": 0.3, "batch_size": 3, "sample_order": "shuffled"},
    "residual": {"skip": "residual", "weight_l1": 0.01, "decay_biases": False},
    "highway": {"skip": "highway", "weight_l1": 0.01, "decay_biases": False},
}


@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("others", sorted(TOGETHER))
def test_engines_agree_on_penalties(others: str, dtype: str, most: float) -> None:
    trial = feature_trial(**DEEP, dtype=dtype, **TOGETHER[others])
    torch_engine, reference = engines(trial)
    lanes = lanes_of_trials(trial, replace(trial, seed=10))
    state = reference.begin(lanes)
    for epochs in (1, 4):
        mine, theirs = (state.copy() for _ in range(2))
        torch_engine.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        assert max(differences(mine, theirs).values()) < most
        reference.advance(lanes, state, epochs)


@pytest.mark.parametrize("name", ["sparsity", "contractive_penalty", "weight_l1"])
def test_penalties_go_into_packs_of_their_own(name: str) -> None:
    plain = make_trial()
    own, other = (
        replace(plain, **(KL | {"sparsity_weight": v} if name == "sparsity" else {name: v}))
        for v in (0.1, 0.2)
    )
    assert own.pack_key == other.pack_key != plain.pack_key
    assert own.trial_id != other.trial_id != plain.trial_id
    assert choose_engine(own, "auto") == ("fused" if name == "weight_l1" else "torch")


def test_a_wide_network_with_a_contractive_penalty_trains_fewer_lanes_at_a_time() -> None:
    wide = make_trial(topology=(200, 100, 200), contractive_penalty=0.1)
    assert TorchEngine(wide, one_hot(200)).capacity == 30_000_000 // (200 * 100 * 200)
    assert TorchEngine(replace(wide, contractive_penalty=0.0), one_hot(200)).capacity == 1024


def test_penalties_on_codes_are_axes_of_the_sweep_file() -> None:
    sparse = ["none", {"name": "kl", "target": [0.05, 0.1], "weight": 3}]
    trials = trials_of(grid={"sparsity": sparse, "contractive_penalty": 0.1})
    found = [(t.sparsity, t.sparsity_target, t.sparsity_weight) for t in trials]
    assert found == [("none", None, None), ("kl", 0.05, 3.0), ("kl", 0.1, 3.0)]
    assert {trial.contractive_penalty for trial in trials} == {0.1}


SPARSE = {"name": "kl", "target": 0.05, "weight": 3}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a target of 0": (
        {"sparsity": SPARSE | {"target": 0}},
        "fixed.sparsity.target must be > 0 (got 0)",
    ),
    "no weight": (
        {"sparsity": {"name": "kl", "target": 0.05}},
        "fixed.sparsity.weight must be given",
    ),
    "sparsity without a code": (
        {"sparsity": SPARSE, "topology": "4-4"},
        "fixed.sparsity must be none where there is no hidden layer to hold a code "
        "(got topology 4-4)",
    ),
    "sparsity of tanh": (
        {"sparsity": SPARSE, "activation": "tanh"},
        "fixed.sparsity must meet activations from 0 to 1, such as sigmoid's (got activation tanh; "
        "code_penalty takes any; one of your own says its bounds)",
    ),
    "sparsity with a skip": (
        {"sparsity": SPARSE, "skip": "residual"},
        "fixed.sparsity must be none where skip is not: what is carried around leaves [0, 1] "
        "(got kl)",
    ),
    "contraction without a code": (
        {"contractive_penalty": 0.1, "topology": "4-4"},
        "fixed.contractive_penalty must be 0 where there is no hidden layer to hold a code "
        "(got topology 4-4)",
    ),
    **{
        f"contraction with {name}": (
            {"contractive_penalty": 0.1, name: value},
            f"fixed.contractive_penalty must be 0 with {name}: it takes plain dense layers "
            "(got 0.1)",
        )
        for name, value in {"normalisation": "batch", "skip": "highway", "flat_spot": 0.1}.items()
    },
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_penalties_that_cannot_be_are_faults(name: str) -> None:
    fixed, wanted = BAD[name]
    (fault,) = faults_of(small(fixed=fixed))
    assert str(fault).removeprefix("sweep: ").startswith(wanted)


@pytest.mark.slow
def test_penalties_go_into_the_tables_and_back(tmp_path: Path) -> None:
    grid = {"sparsity": ["none", SPARSE], "contractive_penalty": [0, 0.1], "replicates": 2}
    tree = small(grid=grid, fixed={"hidden_dropout": 0.1, "weight_l1": 0.001})
    sweep.run(tree, output=tmp_path, use_ray=False)
    trials = sweep.read_trials(tmp_path, columns="all")
    assert set(trials["status"]) == {"finished"}
    plain = (trials["sparsity"] == "none") & (trials["contractive_penalty"] == 0)
    assert list(trials["engine"]) == ["fused" if p else "torch" for p in plain]
    keys = ["sparsity", "contractive_penalty"]
    assert trials.groupby(keys).size().to_dict() == {
        (kind, penalty): 2 for kind in ("kl", "none") for penalty in (0.0, 0.1)
    }
    for trial_id, row in trials.set_index("trial_id").iterrows():
        network, eye = sweep.load_model(tmp_path, str(trial_id)), torch.eye(4)
        loss = nn.functional.mse_loss(network(eye), eye).item()
        assert row["final_loss"] == pytest.approx(loss, rel=1e-6)
        objective = loss + 0.001 * sum(p.abs().sum().item() for p in network.parameters())
        if row["sparsity"] == "kl":
            objective += 3 * divergence(network.encode(eye), 0.05).item()
        if row["contractive_penalty"]:
            objective += 0.1 * squares(network.encode, eye).item()
        assert row["final_objective"] == pytest.approx(objective, rel=1e-5)
