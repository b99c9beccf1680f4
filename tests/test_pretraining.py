"""Claims: pretraining does what a plain script does, in packs as alone, and through checkpoints."""

from dataclasses import replace
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweep.config import parse_config
from sweep.errors import ConfigError
from sweep.nets.dropout import dropout_factors
from sweep.nets.initialisers import initial_parameters
from sweep.nets.phases import phases_of
from sweep.planning import make_plan
from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.work import Checkpoint, Finished, KeepState, RecordOptions, Work
from sweep.trial import StopReason, Trial
from tests.trials import columns_of, make_trial, make_work

DEEP = (6, 5, 4, 5, 6)


def deep_trial(kind: str = "greedy", **changes: Any) -> Trial:
    given = {"topology": DEEP, "pretraining_max_epochs": 30, "fixed_epochs": 20, "max_epochs": 20}
    return make_trial(pretraining=kind, **given | changes)


def train(work: Work) -> dict[str, TrialResult]:
    events = train_pack(work, should_stop=lambda: False)
    return {r.trial.trial_id: r for e in events if isinstance(e, Finished) for r in e.results}


def plain_layers(trial: Trial) -> list[nn.Linear]:
    """Return the layers of a network at its initial weights."""
    flat, layers, start = torch.from_numpy(initial_parameters(trial)), [], 0
    for fan_in, fan_out in pairwise(trial.topology):
        layer = nn.Linear(fan_in, fan_out, dtype=torch.float64)
        count = fan_in * fan_out
        layer.weight.data = flat[start : start + count].reshape(fan_out, fan_in).clone()
        layer.bias.data = flat[start + count : start + count + fan_out].clone()
        layers.append(layer)
        start += count + fan_out
    return layers


def fit(layers: list[nn.Linear], inputs: Tensor, loss: Any, epochs: int) -> None:
    """Train sigmoid layers to give back their inputs, as anyone would write it."""
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.RMSprop(parameters, lr=0.01, alpha=0.9, eps=1e-8)
    for _ in range(epochs):
        values = inputs
        for layer in layers:
            values = torch.sigmoid(layer(values))
        optimizer.zero_grad()
        loss(values, inputs).backward()
        optimizer.step()


def flat_of(layers: list[nn.Linear]) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for ly in layers for p in ly.parameters()])


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_greedy_pretraining_is_that_of_a_plain_script(engine: str) -> None:
    trial = deep_trial()
    (result,) = train(make_work(trial, engine=engine)).values()
    one, two, three, four = layers = plain_layers(trial)
    data = torch.eye(6, dtype=torch.float64)
    cross_entropy, square = nn.functional.binary_cross_entropy, nn.functional.mse_loss
    fit([one, four], data, cross_entropy, 30)
    fit([two, three], torch.sigmoid(one(data)).detach(), square, 30)
    fit(layers, data, cross_entropy, 20)
    np.testing.assert_allclose(result.parameters, flat_of(layers), rtol=1e-7, atol=1e-9)
    phases = result.details["phases"]
    assert list(phases["topology"]) == ["6-5-6", "5-4-5", "6-5-4-5-6"]
    assert list(phases["epochs"]) == [30, 30, 20]
    assert list(phases["stop_reason"]) == ["max_epochs", "max_epochs", "epochs"]
    assert (result.outcome.epochs, result.outcome.pretraining_epochs) == (20, 60)
    assert list(np.unique(result.curve.phase)) == [0, 1, 2]
    assert phases["seconds"].sum() == pytest.approx(result.provenance.seconds)


REGULARISED = {
    "input_dropout": 0.2,
    "hidden_dropout": 0.3,
    "weight_l1": 0.01,
    "contractive_penalty": 0.1,
    **columns_of("sparsity", "kl", target=0.1, weight=0.5),
}


def fit_regularised(
    trial: Trial, layers: list[nn.Linear], inputs: Tensor, loss: Any, epochs: int
) -> None:
    """Train as `fit`, with what `REGULARISED` says of a part's own inputs, units and code."""
    parameters = [p for layer in layers for p in layer.parameters()]
    optimizer = torch.optim.RMSprop(parameters, lr=0.01, alpha=0.9, eps=1e-8)
    widths = (layers[0].in_features, *(layer.out_features for layer in layers))
    part, depth = replace(trial, topology=widths), len(layers) // 2

    def encode(values: Tensor, *kept: Tensor) -> Tensor:
        for layer, before in zip(layers[:depth], kept, strict=False):
            values = torch.sigmoid(layer(values * before))
        return values * kept[depth]

    for epoch in range(epochs):
        found = dropout_factors(part, samples=len(inputs), epoch=epoch)
        kept = [torch.from_numpy(found[layer]) for layer in range(len(layers))]
        codes = values = encode(inputs, *kept)
        for layer, after in zip(layers[depth:], [*kept[depth + 1 :], 1.0], strict=True):
            values = torch.sigmoid(layer(values)) * after
        means = codes.mean(dim=0).clamp(1e-7, 1 - 1e-7)
        sparse = 0.1 * torch.log(0.1 / means) + 0.9 * torch.log(0.9 / (1 - means))
        slopes = torch.func.vmap(torch.func.jacrev(encode))(inputs, *kept)
        contraction = slopes.square().sum(dim=(1, 2)).mean()
        optimizer.zero_grad()
        (loss(values, inputs) + 0.5 * sparse.sum() + 0.1 * contraction).backward()
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.grad += 0.01 * parameter.detach().sign()
        optimizer.step()


@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_dropout_and_penalties_act_in_every_phase(engine: str) -> None:
    given = {"pretraining_max_epochs": 8, "fixed_epochs": 5, "max_epochs": 5}
    trial = deep_trial(**given, **REGULARISED)
    (result,) = train(make_work(trial, engine=engine)).values()
    one, two, three, four = layers = plain_layers(trial)
    data = torch.eye(6, dtype=torch.float64)
    cross_entropy, square = nn.functional.binary_cross_entropy, nn.functional.mse_loss
    fit_regularised(trial, [one, four], data, cross_entropy, 8)
    fit_regularised(trial, [two, three], torch.sigmoid(one(data)).detach(), square, 8)
    fit_regularised(trial, layers, data, cross_entropy, 5)
    np.testing.assert_allclose(result.parameters, flat_of(layers), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("engine", ["torch", "reference"])
def test_a_part_without_a_code_has_no_penalty_on_it(engine: str) -> None:
    shape = {"topology": (6, 6, 6, 6), "pretraining_layers": 1, "pretraining_max_epochs": 3}
    none = {"contractive_penalty": 0.0, "sparsity": "none"}
    ends = []
    for changes in ({}, none):
        trial = deep_trial("chain", **shape, **REGULARISED | changes)
        (result,) = train(make_work(trial, engine=engine)).values()
        ends.append(result.details["phases"]["loss"])
    np.testing.assert_array_equal(ends[0][:3], ends[1][:3])
    assert ends[0][3] != ends[1][3]


def test_growing_and_chaining_are_those_of_a_plain_script() -> None:
    data = torch.eye(6, dtype=torch.float64)
    cross_entropy, square = nn.functional.binary_cross_entropy, nn.functional.mse_loss

    grown = deep_trial("grow")
    layers = plain_layers(grown)
    fit([layers[0], layers[3]], data, cross_entropy, 30)
    fit(layers, data, cross_entropy, 20)
    (result,) = train(make_work(grown)).values()
    np.testing.assert_allclose(result.parameters, flat_of(layers), rtol=1e-7, atol=1e-9)

    chained = deep_trial("chain", topology=(6, 3, 6, 3, 6), pretraining_layers=2)
    layers = plain_layers(chained)
    fit(layers[:2], data, square, 30)
    fit(
        layers[2:],
        torch.sigmoid(layers[1](torch.sigmoid(layers[0](data)))).detach(),
        cross_entropy,
        30,
    )
    (result,) = train(make_work(replace(chained, fixed_epochs=1, max_epochs=1))).values()
    fit(layers, data, cross_entropy, 1)
    # The last link gives the network's outputs, and so is trained with the trial's loss.
    np.testing.assert_allclose(result.parameters, flat_of(layers), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_codes_are_made_with_the_slope_of_their_own_lane(engine: str) -> None:
    leaky = {"activation": "leaky_relu", "pretraining_max_epochs": 3}
    trials = [deep_trial(activation_slope=slope, **leaky) for slope in (0.01, 0.3)]
    packed = train(make_work(*trials, engine=engine))
    for trial in trials:
        (alone,) = train(make_work(trial, engine=engine)).values()
        np.testing.assert_allclose(
            packed[trial.trial_id].parameters, alone.parameters, rtol=1e-12, atol=1e-15
        )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["greedy", "grow"])
def test_a_lane_has_the_same_bits_alone_as_in_a_pack(kind: str) -> None:
    rule = {"pretraining_min_delta": 1e-2, "pretraining_patience": 2, "dtype": "float32"}
    trials = [deep_trial(kind, seed=s, learning_rate=0.1 / (s + 1), **rule) for s in range(20)]
    packed = train(make_work(*trials, engine="fused"))
    lengths = set()
    for trial in trials[::5]:
        (alone,) = train(make_work(trial, engine="fused")).values()
        assert alone.outcome == packed[trial.trial_id].outcome
        np.testing.assert_array_equal(alone.parameters, packed[trial.trial_id].parameters)
        lengths.add(alone.outcome.pretraining_epochs)
    assert len(lengths) > 1


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_pretraining_goes_on_from_every_checkpoint_to_the_same_bits(engine: str) -> None:
    trials = [deep_trial(seed=s, pretraining_max_epochs=80 * (s + 1)) for s in range(3)]
    work = make_work(*trials, engine=engine)
    whole = train(work)
    saved = [
        event.data
        for event in train_pack(work, should_stop=lambda: False, checkpoint_seconds=0.0)
        if isinstance(event, Checkpoint)
    ]
    assert saved
    for data in saved[:: max(1, len(saved) // 4)]:
        for trial_id, result in train(replace(work, checkpoint=data)).items():
            assert result.outcome == whole[trial_id].outcome
            np.testing.assert_array_equal(result.parameters, whole[trial_id].parameters)


@pytest.mark.slow
def test_a_trial_cancelled_in_pretraining_keeps_the_state_to_go_on() -> None:
    trial = deep_trial(pretraining_max_epochs=10**6)
    asked = chain([False], repeat(True))
    work = replace(make_work(trial), record=RecordOptions(state=KeepState.RESUMABLE))
    events = list(train_pack(work, should_stop=lambda: next(asked)))
    (result,) = [r for e in events if isinstance(e, Finished) for r in e.results]
    assert result.outcome.stop_reason is StopReason.CANCELLED
    assert result.outcome.epochs == 0
    assert result.outcome.pretraining_epochs
    assert result.outcome.best_loss is None  # that of a part is not the network's
    assert result.outcome.best_epoch is None
    assert result.state is not None
    assert list(result.details["phases"]["topology"]) == ["6-5-6"]


def test_a_part_that_diverges_ends_the_trial() -> None:
    wild = deep_trial(
        optimizer="sgd",
        learning_rate=1e300,
        loss="mean_squared_error",
        loss_semantics=None,
        output_activation="identity",
        activation="identity",
    )
    (result,) = train(make_work(wild)).values()
    assert result.outcome.stop_reason is StopReason.DIVERGED


@pytest.mark.slow
def test_a_part_that_raises_has_trained_no_epoch_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "too_good.py").write_text(
        "def late(outputs, targets):\n"
        "    loss = ((outputs - targets) ** 2).mean(dim=(-2, -1))\n"
        "    if float(loss.max()) < 0.14: raise RuntimeError('too good')\n"
        "    return loss\n"
    )
    trial = deep_trial(pretraining_max_epochs=10**5, loss="too_good:late", loss_semantics=None)
    (result,) = train(make_work(trial)).values()
    assert result.outcome.stop_reason is StopReason.FAILED
    assert result.outcome.epochs == result.outcome.updates == 0
    assert result.outcome.pretraining_epochs


def test_phases_of_deeper_networks() -> None:
    deep = (8, 7, 6, 5, 6, 7, 8)
    greedy = phases_of(deep_trial("greedy", topology=deep))
    assert [(p.layers, p.below) for p in greedy] == [((0, 5), 0), ((1, 4), 1), ((2, 3), 2)]
    grow = phases_of(deep_trial("grow", topology=deep))
    assert [(p.layers, p.below) for p in grow] == [((0, 5), 0), ((0, 1, 4, 5), 0)]
    assert [p.topology_in(deep) for p in grow] == [(8, 7, 8), (8, 7, 6, 7, 8)]


SWEEP: dict[str, Any] = {
    "name": "x",
    "dataset": {"name": "one-hot", "size": 6},
    "fixed": {
        "topology": "6-5-4-5-6",
        "activation": "sigmoid",
        "output_activation": "sigmoid",
        "initialiser": "xavier_uniform",
        "loss": "mean_squared_error",
        "optimizer": "sgd",
        "learning_rate": 0.1,
    },
    "convergence": {"epochs": 5},
}


def planned(**fixed: Any) -> list[Trial]:
    return list(make_plan(parse_config(SWEEP | {"fixed": SWEEP["fixed"] | fixed})).grid)


def test_a_sweep_file_asks_for_pretraining() -> None:
    (trial,) = planned(pretraining={"name": "greedy", "max_epochs": 100, "patience": 5})
    assert trial.pretraining_max_epochs == 100
    assert trial.pretraining_patience == 5
    (plain,) = planned(pretraining="none")
    assert plain.trial_id == planned()[0].trial_id


@pytest.mark.parametrize(
    ("fixed", "text"),
    [
        ({"topology": "6-5-6"}, "the same backwards"),
        ({"topology": "6-5-4-3-6"}, "the same backwards"),
        ({"tied_weights": True}, "tied_weights"),
        ({"pretraining": {"name": "chain", "layers": 2, "max_epochs": 5}}, "links"),
    ],
)
def test_pretraining_that_cannot_be_is_a_fault(fixed: dict[str, Any], text: str) -> None:
    given = {"pretraining": {"name": "greedy", "max_epochs": 5}} | fixed
    with pytest.raises(ConfigError, match=text):
        planned(**given)
