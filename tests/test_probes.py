"""Claims: probes see what a plain script sees, and change nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sweep
from sweep.datasets.arrays import make_data
from sweep.datasets.data import Data, DatasetSpec
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.start import begin
from sweep.engines.state import LaneState
from sweep.engines.symmetry import unit_distances
from sweep.nets.autoencoder import Autoencoder, load_flat, network_at
from sweep.nets.initialisers import initial_parameters
from sweep.result import TrialResult
from sweep.training.pool import train_pack
from sweep.training.probes.diagnosis import Examiner
from sweep.training.probes.probe import probe_epochs
from sweep.training.work import Finished, KeepCodes, RecordOptions, Work
from sweep.trial import Trial
from tests.sweepfiles import small
from tests.trials import lanes_of_trials, make_trial, make_work, one_hot


def train(work: Work) -> dict[str, TrialResult]:
    events = train_pack(work, should_stop=lambda: False)
    return {r.trial.trial_id: r for e in events if isinstance(e, Finished) for r in e.results}


def deep_trial(**changes: Any) -> Trial:
    return make_trial(topology=(6, 5, 4, 5, 6), max_epochs=60, **changes)


def test_a_diverged_trial_is_kept_with_its_gradients_and_codes(tmp_path: Path) -> None:
    study = small(
        fixed={"activation": "identity", "output_activation": "identity", "learning_rate": 1e6},
        record={"gradients": True, "codes": "bottleneck"},
    )
    done = sweep.run(study, output=tmp_path, use_ray=False)
    assert (done.trained, done.diverged, done.failed) == (1, 1, 0)
    assert sweep.read_gradients(tmp_path)["gradient_norm"].isna().any()
    assert sweep.read_codes(tmp_path)["activation"].isna().any()
    assert sweep.run(study, output=tmp_path, use_ray=False).skipped == 1


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_probing_leaves_training_as_it_is(engine: str) -> None:
    trials = [deep_trial(seed=seed, learning_rate=10.0**-seed) for seed in (1, 2, 3)]
    plain = train(make_work(*trials, engine=engine))
    probed = train(replace(make_work(*trials, engine=engine), record=RecordOptions(gradients=True)))
    for trial_id, result in plain.items():
        assert probed[trial_id].outcome == result.outcome
        np.testing.assert_array_equal(probed[trial_id].parameters, result.parameters)
        assert "gradients" not in result.details


def test_a_probe_finds_the_gradient_and_the_next_update_of_each_layer() -> None:
    trial = deep_trial(weight_decay=0.01)
    (result,) = train(replace(make_work(trial), record=RecordOptions(gradients=True))).values()
    table = result.details["gradients"]
    epochs = [epoch for epoch in probe_epochs() if epoch < 60] + [60]
    np.testing.assert_array_equal(table["epoch"], np.repeat(epochs, 4))
    np.testing.assert_array_equal(table["layer"], np.tile(range(4), len(epochs)))

    network = Autoencoder(trial)
    load_flat(network, initial_parameters(trial))
    inputs = torch.eye(6, dtype=torch.float64)
    loss = torch.nn.functional.binary_cross_entropy(network(inputs), inputs)
    for parameter in network.parameters():
        loss = loss + 0.005 * parameter.square().sum()
    loss.backward()
    layers = [list(layer.parameters()) for layer in network.layers]
    for layer, parameters in enumerate(layers):
        gradient = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        weights = torch.cat([p.detach().flatten() for p in parameters])
        assert table["gradient_norm"][layer] == pytest.approx(gradient.norm().item(), rel=1e-9)
        rms = gradient.square().mean().sqrt().item()
        assert table["gradient_rms"][layer] == pytest.approx(rms, rel=1e-9)
        assert table["weight_norm"][layer] == pytest.approx(weights.norm().item(), rel=1e-12)
        # RMSprop's first step moves every parameter by rate / sqrt(1 - rho)
        step = 0.01 / np.sqrt(0.1) * np.sqrt(len(weights)) / weights.norm().item()
        assert table["update_ratio"][layer] == pytest.approx(step, rel=1e-3)
    assert np.isnan(table["update_ratio"][-4:]).all()
    assert set(table["verdict"]) == {"healthy"}


def test_a_layer_of_zeros_has_no_update_ratio() -> None:
    trial = deep_trial(tied_weights=True)
    (result,) = train(replace(make_work(trial), record=RecordOptions(gradients=True))).values()
    first = result.details["gradients"]["update_ratio"][:4]
    np.testing.assert_array_equal(np.isnan(first), [False, False, True, True])


@pytest.mark.slow
def test_a_tied_layer_without_biases_is_probed_by_the_weights_it_shares() -> None:
    trial = deep_trial(tied_weights=True, biases=False)
    (result,) = train(replace(make_work(trial), record=RecordOptions(gradients=True))).values()
    table = result.details["gradients"]
    for name in ("gradient_norm", "gradient_rms", "weight_norm"):
        np.testing.assert_array_equal(table[name][:4], table[name][:4][::-1])
    assert set(table["verdict"]) == {"healthy"}


@pytest.mark.slow
def test_a_deep_sigmoid_network_is_seen_to_vanish_and_an_unlucky_relu_to_be_dead() -> None:
    deep = make_trial(topology=(6, *[5] * 9, 6), max_epochs=1, initialiser_constant=0.5)
    dead = deep_trial(activation="relu", bias_constant=-3.0)
    tables = {}
    for trial in (deep, dead):
        (result,) = train(replace(make_work(trial), record=RecordOptions(gradients=True))).values()
        tables[trial.trial_id] = result.details["gradients"]["verdict"]
    assert list(tables[deep.trial_id][:10]) == ["vanishing"] * 6 + ["healthy"] * 4
    assert list(tables[dead.trial_id][:4]) == ["dead", "dead", "dead", "healthy"]


def test_conditions_count_what_is_dead_flat_and_stuck() -> None:
    trial = make_trial(topology=(2, 2, 2), activation="relu", output_activation="relu")
    weights = np.array([1, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0], np.float64)
    data = make_data("two", [[0.5, 0.25], [1.0, 0.5]])
    lanes = lanes_of_trials(trial)
    state = LaneState.begin(lanes, weights[None], {}, {}, numerics=1)
    (found,) = Examiner(trial, data).diagnose(lanes, state)
    assert found.dead_units == 1  # the second hidden unit sees -0.25 and -0.5
    assert found.saturated_share == 0.5
    assert found.zero_outputs == 1  # the second output, though 0.25 and 0.5 were asked for
    assert found.output_sparsity == 0.5
    assert found.unit_distance == pytest.approx(np.sqrt(3.0))


FOUR = 40 * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) / 2  # pre-activations of 0 and 1
THREE = 40 * np.array([[-1, -1], [-1, 1], [1, -1], [1, -1]]) / 2


def codes_distinct(hidden: np.ndarray, samples: np.ndarray | None = None, **changes: Any) -> object:
    """Return what is found of 4-2-4 whose hidden pre-activations, of unit vectors, are rows."""
    trial = make_trial(topology=(4, 2, 4), bias_constant=0.0, **changes)
    lanes = lanes_of_trials(trial)
    state = begin(lanes, 1)
    state.parameters[0, :8] = hidden.T.ravel()
    data = make_data("units", (np.eye(4) if samples is None else samples).tolist())
    (found,) = Examiner(trial, data).diagnose(lanes, state)
    return found.codes_distinct


def test_codes_are_distinct_where_every_sample_has_a_rounded_one_of_its_own() -> None:
    assert codes_distinct(FOUR) is True
    assert codes_distinct(THREE) is False
    assert codes_distinct(FOUR / 200) is False  # all between 0.25 and 0.75
    assert codes_distinct(np.full((4, 2), np.nan)) is None


def test_equal_samples_never_have_distinct_codes() -> None:
    assert codes_distinct(FOUR, np.eye(4)[[0, 1, 2, 3, 3]]) is False


def test_codes_beyond_the_unit_interval_are_scaled_by_their_range() -> None:
    assert codes_distinct(FOUR / 200, activation="identity") is True
    assert codes_distinct(THREE, activation="identity") is False


def test_codes_of_a_normalised_network_go_by_its_running_statistics() -> None:
    """By those of the samples the pre-activations would be 1 and -1, and the codes 0.5."""
    norm = {"normalisation_momentum": 0.1, "normalisation_epsilon": 1e-5}
    assert codes_distinct(FOUR, normalisation="batch", **norm) is True


def test_a_network_without_hidden_layers_has_no_codes() -> None:
    (result,) = train(make_work(make_trial(topology=(4, 4), max_epochs=5))).values()
    assert result.outcome.codes_distinct is None


def test_equal_units_have_no_distance_and_one_unit_has_none_to_have() -> None:
    same = make_trial(topology=(4, 3, 1, 4), initialiser="constant")
    distances = unit_distances(same, initial_parameters(same)[None])
    assert distances[0, 0] == 0.0
    assert np.isnan(distances[0, 1])


SEEN_ALIKE = {
    "sigmoid with a flat spot": {"flat_spot": 0.1},
    "rectified, deep": {"activation": "relu", "topology": (6, 5, 3, 5, 6), "bias_constant": -0.2},
    "with an option": {"activation": "leaky_relu", "activation_slope": 0.04},
    "residual": {"activation": "tanh", "skip": "residual"},
    "highway": {"activation": "elu", "skip": "highway"},
    "tied": {"tied_weights": True, "biases": False},
    "softmax": {"output_activation": "softmax", "loss": "categorical_cross_entropy"},
    "single precision": {"dtype": "float32", "activation": "gelu"},
    "zero outputs": {"output_activation": "relu", "loss": "mean_squared_error"},
    "without hidden layers": {
        "topology": (6, 6),
        "output_activation": "relu",
        "loss": "mean_squared_error",
    },
}


@pytest.mark.parametrize("name", SEEN_ALIKE)
def test_the_fused_engine_finds_in_networks_what_the_examiner_finds(name: str) -> None:
    wide = {"topology": (6, 5, 6), "initialiser_constant": 6.0} | SEEN_ALIKE[name]
    trials = [make_trial(**wide, seed=seed) for seed in range(20)]
    data, lanes = one_hot(6), lanes_of_trials(*trials)
    engine = FusedEngine(trials[0], data)
    state = engine.begin(lanes)
    found = [e.diagnosis for e in engine.evaluate(lanes, state)]
    expected = Examiner(trials[0], data).diagnose(lanes, state)
    assert found == expected
    assert len(set(found)) > 1


def test_a_diverged_network_is_found_so_by_the_fused_engine() -> None:
    trial = make_trial(topology=(6, 5, 6), activation="relu")
    lanes, data = lanes_of_trials(trial), one_hot(6)
    engine = FusedEngine(trial, data)
    state = engine.begin(lanes)
    state.parameters[:, 0] = np.nan
    (found,) = engine.evaluate(lanes, state)
    assert [found.diagnosis] == Examiner(trial, data).diagnose(lanes, state)


def test_codes_too_many_for_memory_are_found_lane_by_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [deep_trial(seed=seed) for seed in range(3)]
    lanes, engine = lanes_of_trials(*trials), FusedEngine(trials[0], one_hot(6))
    state = engine.begin(lanes)
    whole = engine.evaluate(lanes, state)
    monkeypatch.setattr("sweep.engines.fused.engine.MOST_CODES", 50)
    assert engine.evaluate(lanes, state) == whole


def halves() -> Data:
    whole = np.eye(4)
    made = make_data("halves", whole, whole.copy())
    return replace(made, validation_inputs=whole * 0.5, validation_targets=whole)


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_held_out_loss_is_taken_at_the_weights_after_the_epoch(engine: str) -> None:
    short = replace(
        make_trial(dataset="halves", max_epochs=10), data_fingerprint=halves().fingerprint
    )
    long = replace(short, max_epochs=40)
    work = make_work(short, long, engine=engine)
    pack = replace(
        work.pack, datasets=((short.data_fingerprint, DatasetSpec("tests.test_probes:halves")),)
    )
    results = train(replace(work, pack=pack))
    first, second = results[short.trial_id], results[long.trial_id]
    (at_ten,) = second.curve.validation_loss[second.curve.epoch == 10]
    assert at_ten == first.curve.validation_loss[-1]
    assert first.outcome.validation_loss == pytest.approx(at_ten, rel=1e-12)
    assert first.parameters is not None
    network = Autoencoder(short)
    load_flat(network, first.parameters)
    whole = torch.eye(4, dtype=torch.float64)
    loss = torch.nn.functional.binary_cross_entropy(network(whole / 2), whole)
    assert first.outcome.validation_loss == pytest.approx(loss.item(), rel=1e-9)
    seen = second.curve.epoch[~np.isnan(second.curve.validation_loss)]
    assert list(seen) == list(second.curve.epoch)


def test_codes_are_the_hidden_activations_at_the_saved_weights() -> None:
    trial = deep_trial()
    for keep, layers in ((KeepCodes.BOTTLENECK, [2]), (KeepCodes.ALL, [1, 2, 3])):
        (result,) = train(replace(make_work(trial), record=RecordOptions(codes=keep))).values()
        table = result.details["codes"]
        assert sorted(set(table["layer"])) == layers
        assert result.parameters is not None
        network = network_at(trial, result.parameters)
        for layer in layers:
            rows = table["layer"] == layer
            hidden = network.hidden(torch.eye(6, dtype=torch.float64), layer).detach().numpy()
            places = table["sample"][rows].astype(int), table["unit"][rows].astype(int)
            np.testing.assert_array_equal(hidden[places], table["activation"][rows])
            assert rows.sum() == hidden.size


def test_a_diagnosis_by_blocks_of_samples_is_that_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = np.random.default_rng(0).standard_normal((50, 6))
    samples[:, 5] = 0.0
    samples[40, 5] = 1.0  # wanted by one block alone
    data = Data("table", samples, samples)
    trial = deep_trial(activation="relu", data_fingerprint=data.fingerprint)
    lanes = lanes_of_trials(*(replace(trial, seed=seed) for seed in range(3)))
    state = begin(lanes, 1)
    whole = Examiner(trial, data).diagnose(lanes, state)
    monkeypatch.setattr("sweep.training.probes.diagnosis.MOST_DIAGNOSED", 6 * 7)
    assert Examiner(trial, data).diagnose(lanes, state) == whole
    assert len({found.saturated_share for found in whole}) == 3
