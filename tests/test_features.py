"""Claims: every feature of a network or its training is what a plain PyTorch script would do."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import sweep
from sweep.engines.contract import Engine
from sweep.engines.epochs import corrupted
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import LaneState
from sweep.engines.torch.engine import TorchEngine
from sweep.errors import ConfigError
from sweep.nets.initialisers import initial_parameters
from sweep.nets.layout import decay_shares, layout_of
from sweep.nets.randomness import Purpose, normal, uniform
from sweep.planning.engines import choose_engine
from sweep.trial import Trial
from tests.sweepfiles import small, trials_of
from tests.trials import lanes_of_trials, make_trial, one_hot

EPOCHS = 30
ENGINES: dict[str, Callable[[Trial], Engine]] = {
    "fused": lambda trial: FusedEngine(trial, one_hot(trial.topology[0])),
    "torch": lambda trial: TorchEngine(trial, one_hot(trial.topology[0])),
    "reference": lambda trial: ReferenceEngine(trial, one_hot(trial.topology[0])),
}
both = pytest.mark.parametrize("engine", ["torch", "reference"])
every = pytest.mark.parametrize("engine", sorted(ENGINES))


def feature_trial(**changes: Any) -> Trial:
    """Return 6-4-6, sigmoid, mean squared error, gradient descent, with changes."""
    plain = {"topology": (6, 4, 6), "optimizer": "sgd", "optimizer_momentum": 0.0}
    loss = {"loss": "mean_squared_error", "loss_semantics": None, "learning_rate": 0.5}
    return make_trial(**plain | loss | {"max_epochs": 1000} | changes)


def trained(engine: str, trial: Trial, *, beside: tuple[Trial, ...] = ()) -> LaneState:
    """Train a trial, between others if the engine packs; return its lane's state."""
    lanes = lanes_of_trials(*beside, trial)
    made = ENGINES[engine](trial)
    state = made.begin(lanes)
    made.advance(lanes, state, EPOCHS)
    return state.take([len(beside)])


def linears(trial: Trial) -> nn.ModuleList:
    """Return nn.Linear for each layer, holding the trial's initial weights."""
    widths = trial.topology
    layers = nn.ModuleList(nn.Linear(a, b, dtype=torch.float64) for a, b in pairwise(widths))
    nn.utils.vector_to_parameters(torch.from_numpy(initial_parameters(trial)), layers.parameters())
    return layers


def forward(layers: nn.ModuleList, values: Tensor) -> Tensor:
    for layer in layers:
        values = torch.sigmoid(layer(values))
    return values


def descend(module: nn.Module, loss: Callable[[int], Tensor], *, rate: float = 0.5) -> np.ndarray:
    """Train by plain gradient descent; return every parameter."""
    optimizer = torch.optim.SGD(module.parameters(), lr=rate)
    for epoch in range(EPOCHS):
        optimizer.zero_grad()
        loss(epoch).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(module.parameters()).detach().numpy()


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


EYE = torch.eye(6, dtype=torch.float64)


@pytest.mark.slow
@every
@pytest.mark.parametrize("kind", ["norm", "value"])
def test_clipping_comes_before_weight_decay(engine: str, kind: str) -> None:
    limit, decay = {"norm": 0.05, "value": 0.01}[kind], 0.01
    trial = feature_trial(gradient_clip=kind, gradient_clip_limit=limit, weight_decay=decay)
    other = feature_trial(gradient_clip=kind, gradient_clip_limit=0.3, seed=3)
    layers = linears(trial)
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.5, weight_decay=decay)
    clipped = 0
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        nn.functional.mse_loss(forward(layers, EYE), EYE).backward()
        if kind == "norm":
            norm = nn.utils.clip_grad_norm_(layers.parameters(), limit)
            clipped += int(norm > limit)
        else:
            largest = max(p.grad.abs().max() for p in layers.parameters() if p.grad is not None)
            clipped += int(largest > limit)
            nn.utils.clip_grad_value_(layers.parameters(), limit)
        optimizer.step()
    assert clipped > 0
    wanted = nn.utils.parameters_to_vector(layers.parameters()).detach().numpy()
    close(trained(engine, trial, beside=(other,)).parameters[0], wanted)


@pytest.mark.slow
@every
@pytest.mark.parametrize("name", ["sgd", "adamw", "rprop"])
def test_weight_decay_can_leave_the_biases_alone(engine: str, name: str) -> None:
    """As nets are written in PyTorch: biases in a group of their own, without weight decay."""
    made = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW, "rprop": torch.optim.Rprop}[name]
    options = {"optimizer": name, "optimizer_momentum": None, "learning_rate": 0.01}
    trial = feature_trial(**options, weight_decay=0.1, decay_biases=False, bias_constant=0.3)
    layers = linears(trial)
    weights, biases = ([getattr(m, kind) for m in layers] for kind in ("weight", "bias"))
    groups = [{"params": weights, "weight_decay": 0.1}, {"params": biases, "weight_decay": 0.0}]
    optimizer = made(groups, lr=0.01)
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        nn.functional.mse_loss(forward(layers, EYE), EYE).backward()
        for weight in weights if name == "rprop" else ():
            weight.grad += 0.1 * weight.detach()
        optimizer.step()
    state = trained(engine, trial, beside=(replace(trial, seed=3, weight_decay=0.0),))
    close(state.parameters[0], nn.utils.parameters_to_vector(layers.parameters()).detach().numpy())
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    squares = sum(weight.square().sum().item() for weight in weights)
    penalty = 0.0 if name == "adamw" else 0.05 * squares
    assert evaluation.objective == pytest.approx(evaluation.loss + penalty, rel=1e-12)


def test_what_normalises_counts_as_biases_and_a_gates_weights_as_weights() -> None:
    norm = decay_shares(feature_trial(**NORM, decay_biases=False))
    assert norm.tolist() == [1.0] * 24 + [0.0] * 8 + [1.0] * 24 + [0.0] * 6
    gated = decay_shares(feature_trial(skip="highway", decay_biases=False))
    assert (
        gated.tolist() == [1.0] * 24 + [0.0] * 4 + [1.0] * 24 + [0.0] * 4 + [1.0] * 24 + [0.0] * 6
    )


@every
def test_layers_without_biases_are_nn_linears_without_bias(engine: str) -> None:
    trial = feature_trial(topology=(6, 3, 5, 6), biases=False)
    layers = nn.ModuleList(
        nn.Linear(a, b, bias=False, dtype=torch.float64) for a, b in pairwise(trial.topology)
    )
    flat = initial_parameters(trial)
    assert flat.shape == (6 * 3 + 3 * 5 + 5 * 6,)
    nn.utils.vector_to_parameters(torch.from_numpy(flat), layers.parameters())
    wanted = descend(layers, lambda _: nn.functional.mse_loss(forward(layers, EYE), EYE))
    beside = tuple(replace(trial, seed=seed) for seed in range(9))
    for others in ((), beside):
        close(trained(engine, trial, beside=others).parameters[0], wanted)


def test_the_weights_begin_alike_with_and_without_biases() -> None:
    plain, bare = (feature_trial(biases=biases) for biases in (True, False))
    weights = decay_shares(replace(plain, decay_biases=False)) == 1.0
    np.testing.assert_array_equal(initial_parameters(plain)[weights], initial_parameters(bare))


def test_normalisation_and_gates_keep_their_own_without_biases() -> None:
    found = layout_of(feature_trial(**NORM, skip="highway", biases=False)).parameters
    assert [array.name for array in found] == [
        "0.weight",
        "0.norm.weight",
        "0.norm.bias",
        "0.gate.weight",
        "0.gate.bias",
        "1.weight",
    ]


@every
def test_training_by_a_sum_is_torchs(engine: str) -> None:
    trial = feature_trial(loss_reduction="sum", learning_rate=0.02)
    layers = linears(trial)

    def loss(_: int) -> Tensor:
        return nn.functional.mse_loss(forward(layers, EYE), EYE, reduction="sum")

    wanted = descend(layers, loss, rate=0.02)
    state = trained(engine, trial, beside=(replace(trial, seed=3),))
    close(state.parameters[0], wanted)
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    assert evaluation.loss == pytest.approx(loss(0).item(), rel=1e-12)


@both
def test_the_sums_of_batches_add_up_to_the_epochs_loss(engine: str) -> None:
    """With a learning rate of nothing, it is that of all samples at once."""
    tiny = {"loss_reduction": "sum", "learning_rate": 1e-300}
    whole = trained(engine, feature_trial(**tiny)).previous_loss[0]
    batched = trained(engine, feature_trial(**tiny, batch_size=4, sample_order="shuffled"))
    assert batched.previous_loss[0] == pytest.approx(whole, rel=1e-13)
    mean = trained(engine, feature_trial(learning_rate=1e-300)).previous_loss[0]
    assert whole == pytest.approx(36 * mean, rel=1e-13)


def test_clipping_is_an_axis_of_the_sweep_file() -> None:
    clips = ["none", {"name": "norm", "limit": [0.5, 2]}, "value"]
    trials = trials_of(grid={"gradient_clip": clips})
    found = [(trial.gradient_clip, trial.gradient_clip_limit) for trial in trials]
    assert found == [("none", None), ("norm", 0.5), ("norm", 2.0), ("value", 1.0)]


@both
@pytest.mark.parametrize("kind", ["gaussian", "masking"])
def test_noise_corrupts_the_inputs_alone(engine: str, kind: str) -> None:
    options = {"gaussian": {"input_noise_scale": 0.3}, "masking": {"input_noise_rate": 0.25}}
    trial = feature_trial(input_noise=kind, seed=5, **options[kind])
    layers = linears(trial)

    def loss(epoch: int) -> Tensor:
        key: dict[str, Any] = {"seed": 5, "purpose": Purpose.NOISE, "index": epoch}
        if kind == "gaussian":
            noisy = EYE + 0.3 * torch.from_numpy(normal(36, **key).reshape(6, 6))
        else:
            noisy = EYE * torch.from_numpy((uniform(36, **key) >= 0.25).reshape(6, 6))
        return nn.functional.mse_loss(forward(layers, noisy), EYE)

    wanted = descend(layers, loss)
    other = feature_trial(input_noise=kind, seed=6, **options[kind])
    state = trained(engine, trial, beside=(other,))
    close(state.parameters[0], wanted)
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    clean = nn.functional.mse_loss(forward(layers, EYE), EYE).item()
    assert evaluation.loss == pytest.approx(clean, rel=1e-12)


@pytest.mark.parametrize("order", ["fixed", "shuffled"])
def test_a_samples_noise_does_not_depend_on_its_batch(order: str) -> None:
    """With a learning rate of nothing, the epoch's loss is the noisy one, however it is batched."""
    tiny = {"input_noise": "gaussian", "input_noise_scale": 0.5, "learning_rate": 1e-300}
    whole = trained("torch", feature_trial(**tiny))
    for engine in ("torch", "reference"):
        batched = trained(engine, feature_trial(**tiny, batch_size=4, sample_order=order))
        assert batched.previous_loss[0] == pytest.approx(whole.previous_loss[0], rel=1e-13)


def test_noise_is_the_same_draw_at_every_scale() -> None:
    inputs = one_hot(6).inputs
    small, large = (
        corrupted(feature_trial(input_noise="gaussian", input_noise_scale=s), inputs, epoch=3)
        for s in (0.1, 0.2)
    )
    np.testing.assert_allclose(large - inputs, 2 * (small - inputs), rtol=0, atol=1e-15)


def test_noise_is_an_axis_of_the_sweep_file() -> None:
    noises = ["none", {"name": "gaussian", "scale": [0.1, 0.2]}, {"name": "masking", "rate": 0.5}]
    trials = trials_of(grid={"input_noise": noises})
    found = [(t.input_noise, t.input_noise_scale, t.input_noise_rate) for t in trials]
    assert found == [
        ("none", None, None),
        ("gaussian", 0.1, None),
        ("gaussian", 0.2, None),
        ("masking", None, 0.5),
    ]


@both
def test_the_penalty_on_the_code_joins_the_objective_not_the_loss(engine: str) -> None:
    trial = feature_trial(topology=(6, 5, 3, 6), code_penalty=0.02)
    layers = linears(trial)

    def loss(_: int) -> Tensor:
        outputs = forward(layers, EYE)
        code = forward(layers[:2], EYE)
        return nn.functional.mse_loss(outputs, EYE) + 0.02 * code.abs().sum(dim=1).mean()

    wanted = descend(layers, loss)
    other = feature_trial(topology=(6, 5, 3, 6), code_penalty=0.5)
    state = trained(engine, trial, beside=(other,))
    close(state.parameters[0], wanted)
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    plain = nn.functional.mse_loss(forward(layers, EYE), EYE).item()
    assert evaluation.loss == pytest.approx(plain, rel=1e-12)
    assert evaluation.objective == pytest.approx(loss(0).item(), rel=1e-12)


def test_a_penalty_on_the_code_wants_a_code() -> None:
    fixed = {"topology": "4-4", "code_penalty": 0.1}
    with pytest.raises(ConfigError, match="code_penalty must be 0 where there is no hidden layer"):
        trials_of(fixed=fixed)


@both
def test_tied_weights_are_one_array_with_the_sum_of_both_gradients(engine: str) -> None:
    trial = feature_trial(topology=(6, 4, 3, 3, 4, 6), tied_weights=True)
    flat = torch.from_numpy(initial_parameters(trial))
    shapes = [(4, 6), (4,), (3, 4), (3,), (3, 3), (3,), (4,), (6,)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    pieces = zip(torch.split(flat, sizes), shapes, strict=True)
    w1, b1, w2, b2, w3, b3, b4, b5 = leaves = nn.ParameterList(p.view(s) for p, s in pieces)

    def loss(_: int) -> Tensor:
        code = torch.sigmoid(torch.sigmoid(EYE @ w1.T + b1) @ w2.T + b2)
        outputs = torch.sigmoid(torch.sigmoid(torch.sigmoid(code @ w3.T + b3) @ w2 + b4) @ w1 + b5)
        return nn.functional.mse_loss(outputs, EYE)

    wanted = descend(leaves, loss)
    other = feature_trial(topology=trial.topology, tied_weights=True, seed=9)
    close(trained(engine, trial, beside=(other,)).parameters[0], wanted)


def test_tied_weights_start_as_the_encoders_would_untied() -> None:
    widths = (6, 4, 3, 4, 6)
    tied, untied = (feature_trial(topology=widths, tied_weights=tied) for tied in (True, False))
    encoder = 6 * 4 + 4 + 4 * 3 + 3
    np.testing.assert_array_equal(
        initial_parameters(tied)[:encoder], initial_parameters(untied)[:encoder]
    )


@pytest.mark.parametrize("topology", ["4-3-2-4", "4-4"])
def test_tied_weights_want_a_palindrome(topology: str) -> None:
    with pytest.raises(ConfigError, match="tied_weights must be false unless the widths are the"):
        trials_of(fixed={"topology": topology, "tied_weights": True})


NORM = {"normalisation": "batch", "normalisation_momentum": 0.2, "normalisation_epsilon": 1e-3}


@both
def test_batch_normalisation_is_pytorchs_in_training_and_evaluation(engine: str) -> None:
    trial = feature_trial(**NORM, batch_size=3, sample_order="fixed", learning_rate=0.1)
    flat = torch.from_numpy(initial_parameters(trial))
    weights, scale, shift, weights_out, biases_out = torch.split(flat, [24, 4, 4, 24, 6])
    assert scale.tolist() == [1.0] * 4
    assert shift.tolist() == [0.0] * 4
    hidden, output = (
        nn.Linear(6, 4, bias=False, dtype=torch.float64),
        nn.Linear(4, 6, dtype=torch.float64),
    )
    norm = nn.BatchNorm1d(4, eps=1e-3, momentum=0.2, dtype=torch.float64)
    network = nn.Sequential(hidden, norm, nn.Sigmoid(), output, nn.Sigmoid())
    hidden.weight.data, output.weight.data = weights.view(4, 6), weights_out.view(6, 4)
    output.bias.data = biases_out
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(EPOCHS):
        for batch in (EYE[:3], EYE[3:]):
            optimizer.zero_grad()
            nn.functional.mse_loss(network(batch), batch).backward()
            optimizer.step()
    options: dict[str, Any] = {"normalisation_momentum": 0.9}
    other = replace(trial, **options, seed=4)
    state = trained(engine, trial, beside=(other,))
    close(state.parameters[0], nn.utils.parameters_to_vector(network.parameters()).detach().numpy())
    assert norm.running_mean is not None
    assert norm.running_var is not None
    close(state.buffers["0.norm.running_mean"][0], norm.running_mean.numpy())
    close(state.buffers["0.norm.running_var"][0], norm.running_var.numpy())
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    network.eval()
    assert evaluation.loss == pytest.approx(nn.functional.mse_loss(network(EYE), EYE).item())


@pytest.mark.parametrize(("topology", "size"), [("4-2-4", 1), ("4-2-4", 3)])
def test_a_batch_of_one_sample_cannot_be_normalised(topology: str, size: int) -> None:
    fixed = {"topology": topology, "batch_size": size, "normalisation": "batch"}
    with pytest.raises(ConfigError, match="normalisation must meet batches of two samples"):
        trials_of(fixed=fixed)


def test_normalisation_is_an_axis_of_the_sweep_file() -> None:
    norms = ["none", {"name": "batch", "momentum": [0.1, 0.5]}]
    trials = trials_of(grid={"normalisation": norms})
    found = [(t.normalisation, t.normalisation_momentum, t.normalisation_epsilon) for t in trials]
    assert found == [("none", None, None), ("batch", 0.1, 1e-5), ("batch", 0.5, 1e-5)]


@both
def test_a_residual_adds_the_first_units_around_every_hidden_layer(engine: str) -> None:
    trial = feature_trial(topology=(6, 3, 5, 6), skip="residual")
    layers = linears(trial)
    first, second, last = layers
    widen = torch.eye(3, 5, dtype=torch.float64)  # zeros behind the first three

    def loss(_: int) -> Tensor:
        values = torch.sigmoid(first(EYE)) + EYE[:, :3]
        values = torch.sigmoid(second(values)) + values @ widen
        return nn.functional.mse_loss(torch.sigmoid(last(values)), EYE)

    wanted = descend(layers, loss)
    close(trained(engine, trial, beside=(replace(trial, seed=8),)).parameters[0], wanted)


@both
def test_a_highway_mixes_by_a_gate_that_begins_at_minus_one(engine: str) -> None:
    trial = feature_trial(topology=(6, 4, 4, 6), skip="highway")
    flat = torch.from_numpy(initial_parameters(trial))
    shapes = [(4, 6), (4,), (4, 6), (4,), (4, 4), (4,), (4, 4), (4,), (6, 4), (6,)]
    sizes = [int(np.prod(shape)) for shape in shapes]
    pieces = zip(torch.split(flat, sizes), shapes, strict=True)
    leaves = nn.ParameterList(piece.view(shape) for piece, shape in pieces)
    w1, b1, g1, c1, w2, b2, g2, c2, w3, b3 = leaves
    assert c1.tolist() == c2.tolist() == [-1.0] * 4
    assert not torch.isin(g1.detach(), w1.detach()).any()

    def loss(_: int) -> Tensor:
        share = torch.sigmoid(EYE @ g1.T + c1)
        values = share * torch.sigmoid(EYE @ w1.T + b1) + (1 - share) * EYE[:, :4]
        share = torch.sigmoid(values @ g2.T + c2)
        values = share * torch.sigmoid(values @ w2.T + b2) + (1 - share) * values
        return nn.functional.mse_loss(torch.sigmoid(values @ w3.T + b3), EYE)

    wanted = descend(leaves, loss)
    close(trained(engine, trial, beside=(replace(trial, seed=8),)).parameters[0], wanted)


def test_layers_start_as_they_would_without_gates() -> None:
    plain, highway = (feature_trial(skip=skip) for skip in ("none", "highway"))
    weights = initial_parameters(plain)
    gated = initial_parameters(highway)
    np.testing.assert_array_equal(np.concatenate([gated[:28], gated[56:]]), weights)


@every
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_a_flat_spot_is_added_to_every_derivative_in_training(engine: str, activation: str) -> None:
    function = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}[activation]
    options = {"activation": activation, "output_activation": activation}
    trial = feature_trial(flat_spot=0.1, learning_rate=0.2, **options)
    first, last = layers = linears(trial)

    def lifted(x: Tensor) -> Tensor:
        return function(x) + 0.1 * (x - x.detach())  # a term of value 0 and derivative 0.1

    def loss(_: int) -> Tensor:
        return nn.functional.mse_loss(lifted(last(lifted(first(EYE)))), EYE)

    wanted = descend(layers, loss, rate=0.2)
    beside = (replace(trial, flat_spot=0.0), replace(trial, flat_spot=0.3))
    state = trained(engine, trial, beside=beside)
    close(state.parameters[0], wanted)
    layers.zero_grad()
    nn.functional.mse_loss(function(last(function(first(EYE)))), EYE).backward()
    gradient = torch.cat([p.grad.flatten() for p in layers.parameters() if p.grad is not None])
    evaluation = ENGINES[engine](trial).evaluate(lanes_of_trials(trial), state)[0]
    assert evaluation.gradient_norm == pytest.approx(gradient.norm().item(), rel=1e-9)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_of_logits_costs_what_saturated_outputs_are_wrong_by(
    engine: str, dtype: str
) -> None:
    """All six pre-activations are 60, where one output should be 1: 5/6 of 60."""
    trial = feature_trial(
        initialiser="constant",
        initialiser_constant=0.0,
        bias_constant=60.0,
        loss="binary_cross_entropy",
        loss_semantics="logits",
        dtype=dtype,
    )
    made, lanes = ENGINES[engine](trial), lanes_of_trials(trial)
    state = made.begin(lanes)
    assert made.evaluate(lanes, state)[0].loss == pytest.approx(50.0, rel=1e-6)
    made.advance(lanes, state, 1)
    assert state.previous_loss[0] == pytest.approx(50.0, rel=1e-6)


def test_the_semantics_of_a_cross_entropy_are_an_axis() -> None:
    loss = {"name": "binary_cross_entropy", "semantics": ["keras", "torch", "logits"]}
    trials = trials_of(grid={"loss": loss})
    assert [trial.loss_semantics for trial in trials] == ["keras", "torch", "logits"]


@pytest.mark.parametrize("output", ["identity", "softmax", "tanh"])
def test_cross_entropy_of_logits_wants_sigmoid_outputs(output: str) -> None:
    loss = {"name": "binary_cross_entropy", "semantics": "logits"}
    with pytest.raises(
        ConfigError, match="loss must meet output_activation sigmoid with semantics"
    ):
        trials_of(fixed={"loss": loss, "output_activation": output})


FEATURES: dict[str, dict[str, Any]] = {
    "batch_size": {"batch_size": 2, "sample_order": "shuffled"},
    "code_penalty": {"code_penalty": 0.1},
    "flat_spot": {"flat_spot": 0.1},
    "gradient_clip": {"gradient_clip": "norm", "gradient_clip_limit": 1.0},
    "hidden_dropout": {"hidden_dropout": 0.1},
    "input_dropout": {"input_dropout": 0.1},
    "input_noise": {"input_noise": "masking", "input_noise_rate": 0.1},
    "normalisation": NORM,
    "skip": {"skip": "residual"},
    "tied_weights": {"tied_weights": True},
    "weight_l1": {"weight_l1": 0.1},
}


@pytest.mark.parametrize("name", sorted(FEATURES))
def test_the_fused_engine_trains_every_feature_but_penalties_of_its_slopes(name: str) -> None:
    trial = feature_trial(**FEATURES[name])
    assert choose_engine(trial, "auto") == "fused"
    assert choose_engine(trial, "auto", "cuda") == "torch"
    assert choose_engine(replace(trial, contractive_penalty=0.1), "auto") == "torch"


ALL = {
    "topology": "6-4-3-4-6",
    "biases": False,
    "tied_weights": True,
    "skip": ["residual", "highway"],
    "normalisation": "batch",
    "code_penalty": 0.01,
    "input_dropout": 0.05,
    "hidden_dropout": 0.1,
    "weight_l1": 1e-4,
    "input_noise": {"name": "masking", "rate": 0.1},
    "gradient_clip": {"name": "norm", "limit": 0.5},
    "flat_spot": 0.1,
    "optimizer": {"name": "rmsprop", "momentum": 0.5},
    "batch_size": [3, None],
    "replicates": 2,
}


def run_all(directory: Path, max_epochs: int) -> pd.DataFrame:
    tree = small(grid=ALL, convergence={"max_epochs": max_epochs})
    sweep.run(tree, output=directory, use_ray=False)
    return sweep.read_trials(directory, columns="all").set_index("trial_id")


@pytest.mark.slow
def test_all_features_go_together_into_the_tables_and_back(tmp_path: Path) -> None:
    trials = run_all(tmp_path, 40)
    assert len(trials) == 8
    assert set(trials["status"]) == {"finished"}
    for trial_id, row in trials.iterrows():
        network = sweep.load_model(tmp_path, str(trial_id))
        eye = torch.eye(6)
        assert network(eye).shape == (6, 6)
        torch.testing.assert_close(network.decode(network.encode(eye[0])), network(eye)[0])
        found = nn.functional.mse_loss(network(eye), eye).item()
        assert found == pytest.approx(row["final_loss"], rel=1e-6)
        assert sum(p.numel() for p in network.parameters()) == row["n_parameters"]
        assert network.state_dict()["layers.0.norm.running_mean"].abs().max() > 0


@pytest.mark.slow
def test_a_resumed_trial_keeps_its_running_statistics(tmp_path: Path) -> None:
    run_all(tmp_path / "resumed", 15)
    resumed = run_all(tmp_path / "resumed", 40)
    straight = run_all(tmp_path / "straight", 40)
    resumed = resumed.loc[straight.index]
    assert set(resumed["resumed_from"]) == {15}
    assert resumed["final_loss"].tolist() == straight["final_loss"].tolist()
