"""Claims: a lane's bits do not depend on its pack, its place, its chunks or what fills the pack."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.engines.fused.engine import FusedEngine
from sweep.engines.state import LaneState
from sweep.trial import Trial
from tests.test_engines_agree import HIDDEN
from tests.test_fused_steps import full_batch, relaxed
from tests.trials import OPTIMIZERS, lanes_of_trials, make_trial, one_hot


def assert_same_bits(mine: LaneState, theirs: LaneState) -> None:
    arrays = theirs.arrays()
    for name, array in mine.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


def many_trials(count: int, **changes: Any) -> list[Trial]:
    trial = make_trial(topology=(16, 8, 4, 8, 16), learning_rate=0.02, max_epochs=10**6, **changes)
    rates = np.geomspace(0.001, 0.1, count).tolist()
    return [
        replace(trial, seed=i, learning_rate=rate, weight_decay=0.001 * (i % 3))
        for i, rate in enumerate(rates)
    ]


def trained(trials: list[Trial], *chunks: int) -> LaneState:
    engine = FusedEngine(trials[0], one_hot(trials[0].topology[0]))
    lanes = lanes_of_trials(*trials)
    state = engine.begin(lanes)
    for epochs in chunks:
        engine.advance(lanes, state, epochs)
    return state


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [7, 67, 300])
def test_lane_is_the_same_alone_and_in_a_pack(size: int, dtype: str) -> None:
    trials = many_trials(size, dtype=dtype)
    pack = trained(trials, 300)
    for row in {0, 5, size // 2, size - 3, size - 1}:
        assert_same_bits(trained([trials[row]], 300), pack.take([row]))


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_chunks_of_any_size_give_the_same_bits(optimizer: str) -> None:
    trials = many_trials(21, dtype="float32", optimizer=optimizer)
    assert_same_bits(trained(trials, 1, 2, 30, 7), trained(trials, 40))


@pytest.mark.slow
@relaxed
@given(full_batch(hidden=HIDDEN, dtype="float64"))
def test_any_kind_of_lane_is_the_same_alone_and_in_a_pack(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    others = [replace(trial, seed=i, weight_decay=0.01 * i) for i in range(9)]
    pack = trained([*others, trial], 25)
    assert_same_bits(trained([trial], 25), pack.take([9]))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.permutations(range(24)), st.integers(1, 23))
def test_refilling_changes_no_lane(order: list[int], kept: int) -> None:
    trials = many_trials(24, dtype="float32")
    straight = trained(trials, 60)
    engine = FusedEngine(trials[0], one_hot(16))
    first = lanes_of_trials(*(trials[i] for i in order[:kept]))
    state = engine.begin(first)
    engine.advance(first, state, 25)
    added = lanes_of_trials(*(trials[i] for i in order[kept:]))
    both = lanes_of_trials(*(trials[i] for i in order))
    joined = LaneState.join([state, engine.begin(added)])
    engine.advance(both, joined, 35)
    rows = list(range(kept))
    assert_same_bits(joined.take(rows), trained([trials[i] for i in order[:kept]], 60))
    engine.advance(added, rest := joined.take(list(range(kept, 24))), 25)
    assert_same_bits(rest, straight.take(order[kept:]))


def test_a_diverging_lane_leaves_the_others_alone() -> None:
    trials = many_trials(20, dtype="float32", activation="relu", output_activation="identity",
                         loss="mean_squared_error", loss_semantics=None)  # fmt: skip
    wild = replace(trials[3], learning_rate=1e30)
    assert_same_bits(
        trained([*trials[:3], wild, *trials[4:]], 50).take([4, 19]),
        trained(trials, 50).take([4, 19]),
    )


def test_constant_weights_keep_hidden_units_identical() -> None:
    trial = make_trial(initialiser="constant", initialiser_constant=0.3, topology=(8, 5, 8))
    weights = trained([trial], 500).parameters[0, :40].reshape(5, 8)
    assert (weights == weights[0]).all()
