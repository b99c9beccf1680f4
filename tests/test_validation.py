"""Claims: held-out losses are taken alike in every engine, stop trials and choose their weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweep.datasets.arrays import make_data
from sweep.datasets.data import Data
from sweep.engines.evaluation import validate
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import TAIL_EPOCHS, Lane, Lanes, LaneState
from sweep.engines.torch.engine import TorchEngine
from sweep.trial import StopReason, Trial
from tests.trials import columns_of, lanes_of_trials, make_trial

MONITORED = ("loss", "validation_loss")


def noisy_data() -> Data:
    """Return few samples to learn by heart, and others of their kind."""
    draw = np.random.default_rng(1)
    samples = draw.random((20, 2)) @ draw.random((2, 6)) / 2 + 0.1 * draw.random((20, 6))
    return make_data("noisy", samples[:8].tolist(), validation_inputs=samples[8:].tolist())


def noisy_trial(**changes: Any) -> Trial:
    given = {
        "topology": (6, 8, 4, 8, 6),
        "activation": "tanh",
        "learning_rate": 0.01,
        "data_fingerprint": noisy_data().fingerprint,
        "max_epochs": 10**6,
    }
    return make_trial(**given | changes)


FEATURES: dict[str, dict[str, Any]] = {
    "full_batch": {},
    "mini_batches": {"batch_size": 3, "sample_order": "shuffled"},
    "normalised": columns_of("normalisation", "batch") | {"batch_size": 4, "sample_order": "fixed"},
    "noise": columns_of("input_noise", "gaussian"),
    "dropout": {"input_dropout": 0.2, "hidden_dropout": 0.1, "batch_size": 3}
    | {"sample_order": "shuffled"},
    "flat_spot": {"flat_spot": 0.1},
    "skip": columns_of("skip", "highway"),
    "sum": {"loss_reduction": "sum", "learning_rate": 1e-3},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FEATURES)
def test_engines_take_the_same_held_out_losses(name: str) -> None:
    data, trial = noisy_data(), noisy_trial(**FEATURES[name])
    lanes = lanes_of_trials(*(replace(trial, seed=seed) for seed in range(3)))
    states = []
    for engine in (
        ReferenceEngine(trial, data, validation_every=1),
        TorchEngine(trial, data, validation_every=1),
        TorchEngine(trial, data, window=4, validation_every=1),
        FusedEngine(trial, data, validation_every=1),
    ):
        state = engine.begin(lanes)
        engine.advance(lanes, state, 15)
        states.append(state)
    reference = states[0].validation
    for state in states[1:]:
        for kept in ("tail", "curve", "best_loss"):
            np.testing.assert_allclose(state.validation[kept], reference[kept], rtol=1e-9)
        np.testing.assert_array_equal(state.validation["ladder_epoch"], reference["ladder_epoch"])
    for row, lane in enumerate(lanes.lanes):
        alone = validate(lane.path, states[0].network(row), data)
        assert reference["tail"][row, 15] == alone


@pytest.mark.slow
@pytest.mark.parametrize("make", [ReferenceEngine, TorchEngine, FusedEngine])
def test_an_evaluation_has_the_held_out_loss_where_samples_are_held_out(make: Any) -> None:
    data, trial = noisy_data(), noisy_trial()
    lanes = lanes_of_trials(*(replace(trial, seed=seed) for seed in range(3)))
    engine = make(trial, data)
    state = engine.begin(lanes)
    found = [evaluation.validation_loss for evaluation in engine.evaluate(lanes, state)]
    networks = [(lane.path, state.network(row)) for row, lane in enumerate(lanes.lanes)]
    expected = [validate(path, network, data) for path, network in networks]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    whole = make(trial, replace(data, validation_inputs=None, validation_targets=None))
    alone = whole.evaluate(lanes, whole.begin(lanes))
    assert [evaluation.validation_loss for evaluation in alone] == [None] * 3


def drain(engine: TorchEngine | ReferenceEngine, lanes: Lanes) -> dict[tuple[int, int], Any]:
    """Train until every trial has stopped; return by its place why, when and in which state."""
    state, ends = engine.begin(lanes), {}
    while state.live.any():
        for stop in engine.advance(lanes, state, 40):
            ends[stop.row, stop.watch] = stop
    return ends


RULES: dict[str, dict[str, Any]] = {
    "early_stopping": {"early_stopping_min_delta": 1e-4, "early_stopping_patience": 12},
    "delta": {"delta_tolerance": 2e-4, "delta_patience": 3},
    "relative_change": {"relative_change_tolerance": 1e-2, "relative_change_patience": 2},
    "target": {"target_loss": 0.02},
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_stops_by_the_loss_that_it_monitors(rule: str) -> None:
    data, most = noisy_data(), 250
    squared = {"loss": "mean_squared_error", "loss_semantics": None, "max_epochs": most}
    trials = tuple(
        noisy_trial(**squared, **RULES[rule], **{f"{rule}_monitor": monitor})
        for monitor in MONITORED
    )
    ends = []
    for engine in (ReferenceEngine(trials[0], data), TorchEngine(trials[0], data, window=5)):
        found = drain(engine, Lanes((Lane(trials),)))
        ends.append([(found[0, w].reason, int(found[0, w].state.epoch[0])) for w in (0, 1)])
    assert ends[0] == ends[1]
    assert ends[0][0] != ends[0][1]
    losses = losses_of(trials[0], data, most)
    for monitor, (reason, epoch) in zip(MONITORED, ends[0], strict=True):
        assert epoch == stops_at(rule, losses[monitor], most)
        assert (epoch == most) == (reason is StopReason.MAX_EPOCHS)


def losses_of(trial: Trial, data: Data, epochs: int) -> dict[str, list[float]]:
    """Return both losses of each epoch of the path of a trial, by no rule."""
    engine, lanes = ReferenceEngine(trial, data, 1), lanes_of_trials(replace_rules(trial))
    state = engine.begin(lanes)
    found: dict[str, list[float]] = {name: [] for name in MONITORED}
    while len(found["loss"]) < epochs:
        engine.advance(lanes, state, TAIL_EPOCHS)
        places = np.arange(int(state.epoch[0]) - TAIL_EPOCHS + 1, int(state.epoch[0]) + 1)
        for name, tail in zip(MONITORED, (state.tail, state.validation["tail"]), strict=True):
            found[name] += tail[0, places % TAIL_EPOCHS].tolist()
    return {name: losses[:epochs] for name, losses in found.items()}


def replace_rules(trial: Trial) -> Trial:
    """Return the trial without stop rules and restoring, to train for long."""
    rules = [column for rule in RULES.values() for column in rule]
    own = {f"{name}_monitor": "loss" for name in RULES}
    return replace(trial, **dict.fromkeys(rules) | own, restore="last", max_epochs=10**6)


def stops_at(rule: str, losses: list[float], most: int) -> int:
    """Return the epoch at which a rule of `RULES` is met, in plain words."""
    options = list(RULES[rule].values())
    best, waited, previous = np.inf, 0, np.nan
    for epoch, loss in enumerate(losses, 1):
        change, met = abs(loss - previous), False
        if rule == "target":
            met = loss <= options[0]
        elif rule == "early_stopping":
            waited = 0 if loss < best - options[0] else waited + 1
            best = loss if waited == 0 else best
            met = waited >= options[1]
        else:
            share = abs(previous) if rule == "relative_change" else 1.0
            waited = waited + 1 if change < options[0] * share else 0
            met = waited >= options[1]
        if met:
            return epoch
        previous = loss
    return most


@pytest.mark.slow
@pytest.mark.parametrize("monitor", MONITORED)
@pytest.mark.parametrize("name", ["full_batch", "normalised"])
def test_the_best_weights_are_those_after_the_epoch_of_the_least_loss(
    monitor: str, name: str
) -> None:
    data = noisy_data()
    trial = noisy_trial(
        **FEATURES[name],
        early_stopping_min_delta=0.0,
        early_stopping_patience=4,
        early_stopping_monitor=monitor,
        restore="best",
        max_epochs=300,
    )
    for engine in (
        ReferenceEngine(trial, data),
        TorchEngine(trial, data),
        TorchEngine(trial, data, window=7),
    ):
        end = drain(engine, lanes_of_trials(trial))[0, 0].state
        best, kept = int(end.best_epochs(monitor)[0]), end.restored(monitor)
        free = lanes_of_trials(replace_rules(trial))
        state = engine.begin(free)
        engine.advance(free, state, best)
        np.testing.assert_array_equal(kept.network(0), state.network(0))
        engine.advance(free, state, int(end.epoch[0]) - best)
        np.testing.assert_array_equal(end.network(0), state.network(0))
        losses = losses_of(trial, data, int(end.epoch[0]))[monitor]
        assert best == 1 + int(np.argmin(losses)) < end.epoch[0]


@pytest.mark.slow
def test_two_trials_of_a_path_each_restore_by_their_own_loss() -> None:
    data = noisy_data()
    asked = {"early_stopping_min_delta": 0.0, "early_stopping_patience": 30, "restore": "best"}
    trials = tuple(noisy_trial(**asked, early_stopping_monitor=m, max_epochs=60) for m in MONITORED)
    engine = TorchEngine(trials[0], data)
    ends = drain(engine, Lanes((Lane(trials),)))
    for watch, trial in enumerate(trials):
        monitor = MONITORED[watch]
        alone = drain(engine, lanes_of_trials(trial))[0, 0].state.restored(monitor)
        together = ends[0, watch].state.restored(monitor)
        np.testing.assert_array_equal(together.network(0), alone.network(0))


def test_without_a_rule_the_held_out_loss_chooses_wherever_there_is_one() -> None:
    trial = noisy_trial(fixed_epochs=30, max_epochs=30, restore="best")
    for data, monitor in ((noisy_data(), "validation_loss"), (plain_data(), "loss")):
        state = ReferenceEngine(trial, data).begin(lanes_of_trials(trial))
        assert list(state.best) == [monitor]


def plain_data() -> Data:
    return make_data("plain", noisy_data().inputs.tolist())


def test_a_thinned_record_has_every_kth_epoch_and_no_ladder() -> None:
    data, trial = noisy_data(), noisy_trial()
    lanes, states = lanes_of_trials(trial), []
    for every in (1, 3):
        engine = TorchEngine(trial, data, validation_every=every)
        state = engine.begin(lanes)
        engine.advance(lanes, state, 16)
        states.append(state)
    full, thin = (state.validation["tail"][0] for state in states)
    due = np.arange(16) % 3 == 0
    due[0] = False  # the place of epoch 16
    np.testing.assert_array_equal(thin[due], full[due])
    assert np.isnan(thin[~due]).all()
    assert [bool(state.validated[0]) for state in states] == [True, False]
    assert not thin_ladder(states[1]).any()


def thin_ladder(state: LaneState) -> np.ndarray:
    found: np.ndarray = state.validation["ladder_epoch"]
    return found


@pytest.mark.slow
def test_what_monitors_is_judged_every_epoch_however_thin_the_record() -> None:
    data = noisy_data()
    trial = noisy_trial(
        early_stopping_min_delta=0.0,
        early_stopping_patience=5,
        early_stopping_monitor="validation_loss",
        max_epochs=300,
    )
    epochs = {
        int(
            drain(TorchEngine(trial, data, validation_every=k), lanes_of_trials(trial))[
                0, 0
            ].state.epoch[0]
        )
        for k in (1, 7, None)
    }
    assert len(epochs) == 1
