"""Claims: the fused engine stops each trial when, and in the state in which, its rule is met."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweep.components.registry import STOP_RULES
from sweep.components.stopping import StopRule
from sweep.datasets.data import Data
from sweep.engines.contract import Stop
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.engines.torch.engine import TorchEngine
from sweep.planning.engines import fused_supports
from sweep.trial import StopReason, Trial
from tests.trials import lanes_of_trials, make_trial, one_hot

RULES: list[tuple[dict[str, Any], StopReason]] = [
    ({"delta_tolerance": 1e-3, "delta_patience": 5}, StopReason.CONVERGED),
    (
        {"early_stopping_min_delta": 1e-3, "early_stopping_patience": 8},
        StopReason.CONVERGED,
    ),
    ({"target_loss": 0.5}, StopReason.TARGET),
    ({"pattern_margin": 0.45}, StopReason.PATTERN),
    ({"fixed_epochs": 77}, StopReason.EPOCHS),
    ({"max_epochs": 33}, StopReason.MAX_EPOCHS),
]


def options_of(rule: StopRule, losses: np.ndarray) -> dict[str, Any]:
    """Return options that a training meets about where it has such losses, or such changes."""
    near = {"patience": 3, rule.threshold: 1.001 * float(np.median(losses))}
    return {rule.columns[name]: near.get(name, 0.1) for name in rule.numbers}


def drain(engine: FusedEngine | TorchEngine, lanes: Lanes, state: LaneState) -> list[Stop]:
    """Advance in chunks until every trial has stopped."""
    stops: list[Stop] = []
    while state.live.any():
        stops += engine.advance(lanes, state, 40)
    return stops


def by_place(stops: list[Stop]) -> dict[tuple[int, int], tuple[StopReason, int]]:
    return {(s.row, s.watch): (s.reason, int(s.state.epoch[0])) for s in stops}


def many_rules(**changes: Any) -> Lanes:
    trial = make_trial(learning_rate=0.05, max_epochs=20000, **changes)
    trials = [replace(trial, seed=seed) for seed in range(12)]
    return Lanes(tuple(Lane(tuple(replace(t, **rule) for rule, _ in RULES)) for t in trials))


def test_trials_stop_when_the_torch_engine_stops_them() -> None:
    lanes, data = many_rules(), one_hot(4)
    stops = []
    for engine in (FusedEngine(lanes.shape, data), TorchEngine(lanes.shape, data)):
        stops.append(by_place(drain(engine, lanes, engine.begin(lanes))))
    assert stops[0] == stops[1]
    assert {reason for reason, _ in stops[0].values()} == {reason for _, reason in RULES}


def test_a_trial_leaves_in_the_state_of_its_last_epoch() -> None:
    free = {"dtype": "float32", "learning_rate": 0.05, "max_epochs": 10**6}
    lanes, data = many_rules(dtype="float32"), one_hot(4)
    engine = FusedEngine(lanes.shape, data)
    for stop in drain(engine, lanes, engine.begin(lanes)):
        alone = lanes_of_trials(make_trial(seed=stop.row, **free))
        state = engine.begin(alone)
        engine.advance(alone, state, int(stop.state.epoch[0]))
        for name in ("parameters", "previous_loss", "best_loss", "curve", "tail"):
            np.testing.assert_array_equal(getattr(stop.state, name), getattr(state, name))


def test_counters_are_those_of_the_torch_engine() -> None:
    trial = make_trial(
        delta_tolerance=3e-3,
        delta_patience=1000,
        early_stopping_min_delta=3e-3,
        early_stopping_patience=1000,
    )
    lanes, data = lanes_of_trials(*(replace(trial, seed=i) for i in range(12))), one_hot(4)
    states = []
    for engine in (FusedEngine(lanes.shape, data), TorchEngine(lanes.shape, data)):
        state = engine.begin(lanes)
        engine.advance(lanes, state, 25)
        states.append(state)
    one, other = (state.arrays() for state in states)
    for name in ("epoch", "updates", "best_epoch", "delta_count", "stall_count", "live"):
        np.testing.assert_array_equal(one[name], other[name], name)
    np.testing.assert_allclose(states[0].curve, states[1].curve, rtol=1e-12)
    np.testing.assert_allclose(states[0].tail, states[1].tail, rtol=1e-12)


@pytest.mark.parametrize("rule", STOP_RULES.values(), ids=STOP_RULES)
def test_the_kernel_judges_every_rule_as_plain_code_does(rule: StopRule) -> None:
    trial, data = make_trial(learning_rate=0.05, max_epochs=120), one_hot(4)
    engine = FusedEngine(trial, data)
    free = lanes_of_trials(trial)
    state = engine.begin(free)
    engine.advance(free, state, 16)
    scales = (state.tail[0], np.abs(np.diff(state.tail[0])), np.array([0.45]))
    asked = [replace(trial, **options_of(rule, scale)) for scale in scales]
    lanes, ends = Lanes((Lane((trial, *asked)),)), []
    for trained in (engine, TorchEngine(trial, data)):
        stops = drain(trained, lanes, trained.begin(lanes))
        ends.append({stop.watch: stop for stop in stops})
    assert by_place(list(ends[0].values())) == by_place(list(ends[1].values()))
    assert {str(end.reason) for end in ends[0].values()} == {"max_epochs", rule.reason}
    for watch, one in ends[0].items():
        for name, first in rule.counters.items():
            counted = [stop.state.counters[name][0, watch] for stop in (one, ends[1][watch])]
            np.testing.assert_allclose(counted[0], counted[1], rtol=1e-6)
            assert watch or counted[0] == first, "it was not asked for"


def test_a_loss_that_is_not_finite_is_divergence() -> None:
    trial = make_trial(
        activation="relu",
        output_activation="identity",
        loss="mean_squared_error",
        loss_semantics=None,
        optimizer="sgd",
        learning_rate=1e6,
    )
    engine = FusedEngine(trial, one_hot(4))
    lanes = lanes_of_trials(trial)
    (stop,) = engine.advance(lanes, engine.begin(lanes), 100)
    assert stop.reason is StopReason.DIVERGED
    assert not np.isfinite(stop.state.previous_loss[0])


def test_a_lane_goes_on_from_another_engine() -> None:
    lanes, data = lanes_of_trials(*(make_trial(seed=i) for i in range(9))), one_hot(4)
    fused, torch_engine = FusedEngine(lanes.shape, data), TorchEngine(lanes.shape, data)
    state = fused.begin(lanes)
    fused.advance(lanes, state, 10)
    torch_engine.advance(lanes, state, 10)
    fused.advance(lanes, state, 10)
    straight = fused.begin(lanes)
    fused.advance(lanes, straight, 30)
    np.testing.assert_allclose(state.previous_loss, straight.previous_loss, rtol=1e-10)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, True),
        ({"output_activation": "softmax"}, True),
        ({"dtype": "float32"}, True),
        ({"batch_size": 2, "sample_order": "fixed"}, True),
        ({"tied_weights": True, "hidden_dropout": 0.5, "code_penalty": 0.1}, True),
        ({"contractive_penalty": 0.1}, False),
        ({"sparsity": "kl", "sparsity_target": 0.1, "sparsity_weight": 1.0}, False),
        ({"activation": "my.module:bend@0123456789abcdef"}, False),
        ({"loss": "my.module:loss@0123456789abcdef"}, False),
    ],
)
def test_support_is_for_all_but_two_penalties_and_unknown_parts(
    changes: dict[str, Any], answer: bool
) -> None:
    assert fused_supports(make_trial(**changes)) is answer


def test_chunks_are_a_function_of_sizes_alone() -> None:
    trial: Trial = make_trial(topology=(16, 8, 4, 8, 16))
    engine = FusedEngine(trial, one_hot(16))
    assert [engine.chunk_epochs(lanes) for lanes in (1, 512)] == [65536, 429]


def test_updates_and_draws_shorten_chunks() -> None:
    trial = make_trial(topology=(16, 8, 4, 8, 16))
    noise = {"input_noise": "gaussian", "input_noise_scale": 0.1, "hidden_dropout": 0.5}
    chunks = [
        FusedEngine(replace(trial, **changes), one_hot(16)).chunk_epochs(512)
        for changes in ({"batch_size": 4}, {"batch_size": 1}, {"batch_size": 4, **noise})
    ]
    # of 16 samples, 356 parameters, 36 numbers a sample: 0.25 s / 512 lanes over 1.7, 5.1, 5.2 us
    assert chunks == [286, 95, 95]


@pytest.mark.parametrize(
    ("samples", "threads", "capacity"), [(8, 1, 16), (160, 1, 9), (2000, 2, 2)]
)
def test_fewer_large_networks_train_at_a_time_but_one_for_each_thread(
    samples: int, threads: int, capacity: int
) -> None:
    table = np.random.default_rng(0).random((samples, 784))
    data = Data("table", table, table)
    trial = make_trial(topology=(784, 512, 784), data_fingerprint=data.fingerprint)
    assert FusedEngine(trial, data, threads=threads).capacity == capacity
