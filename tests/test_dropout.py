"""Claims: dropout is that of torch.nn.Dropout in training, by draws that depend on keys alone."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweep.engines.evaluation import evaluate
from sweep.nets.dropout import dropout_factors
from sweep.nets.initialisers import initial_parameters
from sweep.nets.randomness import Purpose, halves, raw_bits
from sweep.planning.engines import choose_engine
from sweep.trial import Trial
from tests.sweepfiles import faults_of, small, trials_of
from tests.test_engines_agree import differences, engines
from tests.test_features import EYE, both, close, descend, feature_trial, linears, trained
from tests.trials import lanes_of_trials, make_trial, one_hot

RATES = {"input_dropout": 0.2, "hidden_dropout": 0.3}


def test_a_word_gives_two_halves_its_low_one_first() -> None:
    words = raw_bits(2, seed=3, purpose=Purpose.DROPOUT, index=5, layer=2).tolist()
    found = halves(3, seed=3, purpose=Purpose.DROPOUT, index=5, layer=2)
    wanted = [words[0] % 2**32, words[0] >> 32, words[1] % 2**32]
    assert (found * 2**32).tolist() == wanted


def test_layers_draw_numbers_of_their_own() -> None:
    key: dict[str, Any] = {"seed": 3, "purpose": Purpose.DROPOUT, "index": 5}
    first, second = (raw_bits(4, layer=layer, **key) for layer in (0, 1))
    assert not set(first.tolist()) & set(second.tolist())
    np.testing.assert_array_equal(first, raw_bits(4, **key))


def test_what_is_kept_is_divided_by_the_share_that_is() -> None:
    trial = feature_trial(**RATES, seed=7)
    factors = dropout_factors(trial, samples=6, epoch=4)
    assert {layer: kept.shape for layer, kept in factors.items()} == {0: (6, 6), 1: (6, 4)}
    draws = halves(24, seed=7, purpose=Purpose.DROPOUT, index=4, layer=1).reshape(6, 4)
    np.testing.assert_array_equal(factors[1], np.where(draws >= 0.3, 1 / (1 - 0.3), 0.0))
    assert set(np.unique(factors[0])) == {0.0, 1 / (1 - 0.2)}


def test_factors_are_rounded_to_the_networks_numbers_once() -> None:
    trial = feature_trial(hidden_dropout=0.3, dtype="float32")
    kept = dropout_factors(trial, samples=6, epoch=0)[1]
    assert kept.dtype == np.float32
    assert kept.max() == np.float32(1 / (1 - 0.3))


def test_the_share_dropped_is_the_rate() -> None:
    trial = feature_trial(topology=(6, 50, 6), hidden_dropout=0.3)
    kept = dropout_factors(trial, samples=4000, epoch=0)[1] > 0
    assert abs(1 - kept.mean() - 0.3) < 4 * (0.3 * 0.7 / kept.size) ** 0.5


def test_a_greater_rate_drops_what_a_smaller_one_does_and_more() -> None:
    few, many = (
        dropout_factors(feature_trial(hidden_dropout=rate), samples=100, epoch=2)[1] == 0
        for rate in (0.2, 0.5)
    )
    assert (many >= few).all()
    assert many.sum() > few.sum() > 0


def dropped_forward(layers: nn.ModuleList, trial: Trial, epoch: int) -> tuple[Tensor, Tensor]:
    """Return code and outputs of 6-5-3-6 with sigmoid, as a plain script would drop units."""
    factors = dropout_factors(trial, samples=6, epoch=epoch)
    kept = {layer: torch.from_numpy(array) for layer, array in factors.items()}
    first = torch.sigmoid(layers[0](EYE * kept[0])) * kept[1]
    code = torch.sigmoid(layers[1](first)) * kept[2]
    return code, torch.sigmoid(layers[2](code))


@both
def test_dropout_acts_on_inputs_and_on_what_every_hidden_layer_gives(engine: str) -> None:
    trial = feature_trial(topology=(6, 5, 3, 6), seed=5, code_penalty=0.02, **RATES)
    layers = linears(trial)

    def loss(epoch: int) -> Tensor:
        code, outputs = dropped_forward(layers, trial, epoch)
        return nn.functional.mse_loss(outputs, EYE) + 0.02 * code.abs().sum(dim=1).mean()

    wanted = descend(layers, loss)
    other = replace(trial, seed=6, hidden_dropout=0.5)
    close(trained(engine, trial, beside=(other,)).parameters[0], wanted)


@both
def test_evaluation_drops_nothing(engine: str) -> None:
    trial = feature_trial(**RATES)
    flat, data = initial_parameters(trial), one_hot(6)
    plain = replace(trial, input_dropout=0.0, hidden_dropout=0.0)
    assert evaluate(trial, flat, data) == evaluate(plain, flat, data)
    made = {"torch": engines(trial)[0], "reference": engines(trial)[1]}[engine]
    lanes = lanes_of_trials(trial)
    state = made.begin(lanes)
    made.advance(lanes, state, 3)
    assert made.evaluate(lanes, state)[0] == evaluate(plain, state.network(0), data)


@pytest.mark.slow
@pytest.mark.parametrize("order", ["fixed", "shuffled"])
def test_what_a_sample_loses_depends_neither_on_its_batch_nor_on_the_order(order: str) -> None:
    """With a learning rate of nothing, an epoch's loss is the same however it is batched."""
    tiny = RATES | {"learning_rate": 1e-300}
    whole = trained("torch", feature_trial(**tiny)).previous_loss[0]
    assert whole != trained("torch", feature_trial(learning_rate=1e-300)).previous_loss[0]
    for engine in ("torch", "reference"):
        for size in (1, 4):
            trial = feature_trial(**tiny, batch_size=size, sample_order=order)
            assert trained(engine, trial).previous_loss[0] == pytest.approx(whole, rel=1e-13)


TOGETHER: dict[str, dict[str, Any]] = {
    "alone": {},
    "mini-batches": {"batch_size": 4, "sample_order": "shuffled"},
    "noise": {"input_noise": "gaussian", "input_noise_scale": 0.1},
    "residual": {"skip": "residual", "code_penalty": 0.1},
    "highway": {"skip": "highway"},
    "batch normalisation": {
        "normalisation": "batch",
        "normalisation_momentum": 0.1,
        "normalisation_epsilon": 1e-5,
        "batch_size": 3,
        "sample_order": "shuffled",
    },
    "tied": {"tied_weights": True, "biases": False},
}


@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("others", sorted(TOGETHER))
def test_engines_agree_on_dropout(others: str, dtype: str, most: float) -> None:
    changes = {"topology": (6, 5, 3, 5, 6), "seed": 9, "dtype": dtype} | RATES | TOGETHER[others]
    trial = make_trial(**changes)
    torch_engine, reference = engines(trial)
    lanes = lanes_of_trials(trial, replace(trial, seed=10, input_dropout=0.4))
    state = reference.begin(lanes)
    for epochs in (1, 4):
        mine, theirs = (state.copy() for _ in range(2))
        torch_engine.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        assert max(differences(mine, theirs).values()) < most
        reference.advance(lanes, state, epochs)


def test_no_dropout_is_as_if_there_were_none() -> None:
    plain = make_trial()
    assert replace(plain, input_dropout=0.0, hidden_dropout=0.0).trial_id == plain.trial_id
    assert len({replace(plain, **{name: 0.1}).trial_id for name in RATES} | {plain.trial_id}) == 3
    assert dropout_factors(plain, samples=4, epoch=0) == {}


@pytest.mark.parametrize("name", sorted(RATES))
def test_dropout_goes_into_packs_of_its_own(name: str) -> None:
    plain = make_trial()
    assert replace(plain, **{name: 0.1}).pack_key == replace(plain, **{name: 0.2}).pack_key
    assert replace(plain, **{name: 0.1}).pack_key != plain.pack_key
    assert choose_engine(replace(plain, **{name: 0.1}), "auto") == "fused"


def test_dropout_is_an_axis_of_the_sweep_file() -> None:
    trials = trials_of(grid={"input_dropout": 0.1, "hidden_dropout": [0, 0.5]})
    found = [(trial.input_dropout, trial.hidden_dropout) for trial in trials]
    assert found == [(0.1, 0.0), (0.1, 0.5)]


def test_to_drop_everything_or_where_nothing_is_hidden_is_a_fault() -> None:
    fixed = {"input_dropout": 1, "hidden_dropout": [0.5, -0.1]}
    assert [str(fault) for fault in faults_of(small(fixed=fixed))] == [
        "sweep: fixed.input_dropout must be < 1 (got 1)",
        "sweep: fixed.hidden_dropout[1] must be >= 0 (got -0.1)",
    ]
    (fault,) = faults_of(small(fixed={"topology": "4-4", "hidden_dropout": 0.5}))
    wanted = (
        "sweep: fixed.hidden_dropout must be 0 where there is no hidden layer (got topology 4-4)"
    )
    assert str(fault) == wanted
