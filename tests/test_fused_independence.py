"""Claims: a lane's bits do not depend on its pack, its place, its chunks or what fills the pack."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.datasets.data import Data
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.state import LaneState
from sweep.training.work import freeze, thaw
from sweep.trial import Trial
from tests.test_engines_agree import HIDDEN
from tests.test_fused_steps import SIZES, cases, data_of, random_data, relaxed
from tests.trials import OPTIMIZERS, columns_of, lanes_of_trials, make_trial, one_hot


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


def trained(
    trials: list[Trial], *chunks: int, data: Data | None = None, threads: int = 1
) -> LaneState:
    """Return where trials come to, every epoch's loss on held-out samples taken."""
    data = data or one_hot(trials[0].topology[0])
    engine = FusedEngine(trials[0], data, validation_every=1, threads=threads)
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
@pytest.mark.parametrize("size", SIZES)
@relaxed
@given(st.data())
def test_any_kind_of_lane_is_the_same_alone_and_in_a_pack(size: str, drawn: st.DataObject) -> None:
    choice, samples = drawn.draw(cases(hidden=HIDDEN, dtype="float64", size=size))
    trial = make_trial(**choice)
    others = [replace(trial, seed=i, weight_decay=0.01 * i) for i in range(9)]
    data, epochs = data_of(trial, samples), 25 if samples is None else 5
    pack = trained([*others, trial], epochs, data=data)
    assert_same_bits(trained([trial], epochs, data=data), pack.take([9]))


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


BATCHES: dict[str, Any] = {"batch_size": 16, "sample_order": "shuffled"}
DRAWN: dict[str, Any] = {
    "input_noise": "gaussian",
    "input_noise_scale": 0.1,
    "input_dropout": 0.1,
    "hidden_dropout": 0.2,
}
REGULARISED: dict[str, Any] = {
    "weight_l1": 0.001,
    "code_penalty": 0.01,
    "gradient_clip": "norm",
    "gradient_clip_limit": 0.1,
}
NORM = columns_of("normalisation", "batch")
KINDS: dict[str, dict[str, Any]] = {
    "full batch": {},
    "batches in order": {"batch_size": 32, "sample_order": "fixed"},
    "ragged batches": {"batch_size": 5, "sample_order": "shuffled"},
    "wide": {"topology": (20, 60, 20)} | BATCHES,
    "drawn": {"tied_weights": True, "skip": "highway"} | BATCHES | DRAWN | REGULARISED,
    "normalised": {"skip": "residual"} | NORM | BATCHES | DRAWN | REGULARISED,
    "normalised, wide": {"topology": (20, 60, 20)} | NORM | BATCHES,
    "everything, wide": {"topology": (20, 40, 24, 40, 20), "tied_weights": True}
    | BATCHES
    | DRAWN
    | REGULARISED,
}
PATIENT = {"early_stopping_min_delta": 0.0, "early_stopping_patience": 10**6}
SAMPLES = random_data(53, 20)


def trials_of_kind(kind: str, count: int, dtype: str) -> list[Trial]:
    """Return trials that keep their best weights, by turns as either loss has it."""
    given = {"topology": (20, 8, 3, 8, 20), "optimizer": "adam", "activation": "tanh"}
    trial = make_trial(
        **given | KINDS[kind],
        dtype=dtype,
        data_fingerprint=SAMPLES.fingerprint,
        restore="best",
        max_epochs=10**6,
    )
    trials = [replace(trial, seed=i, learning_rate=0.03 / (i + 1)) for i in range(count)]
    return [replace(t, **PATIENT) if i % 2 else t for i, t in enumerate(trials)]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_of_any_kind_is_the_same_alone_in_packs_and_resumed(kind: str, dtype: str) -> None:
    trials = trials_of_kind(kind, 40, dtype)
    pack = trained(trials, 12, data=SAMPLES)
    assert set(pack.best) == {"loss", "validation_loss"}
    assert np.isfinite(pack.validation["best_loss"]).all()
    if kind.startswith("normalised"):
        assert pack.buffers
    for row in (4, 39):
        assert_same_bits(trained([trials[row]], 12, data=SAMPLES), pack.take([row]))
    few = trained(trials[3:14], 1, 4, 7, data=SAMPLES)
    assert_same_bits(few, pack.take(list(range(3, 14))))
    lanes = lanes_of_trials(*trials)
    restored, _, _ = thaw(freeze(trained(trials, 5, data=SAMPLES), lanes.lanes, []))
    assert restored is not None
    FusedEngine(trials[0], SAMPLES, validation_every=1).advance(lanes, restored, 7)
    assert_same_bits(restored, pack)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drawn", "normalised", "wide"])
def test_a_lane_of_any_kind_is_the_same_refilled(kind: str) -> None:
    trials = trials_of_kind(kind, 24, "float32")
    pack = trained(trials, 9, data=SAMPLES)
    engine = FusedEngine(trials[0], SAMPLES, validation_every=1)
    first, rest = lanes_of_trials(*trials[20:]), lanes_of_trials(*trials[:20])
    state = engine.begin(first)
    engine.advance(first, state, 4)
    late = engine.begin(rest)
    both = lanes_of_trials(*trials[20:], *trials[:20])
    names = {"validates": True, "restores": ("loss", "validation_loss")}
    joined = LaneState.join([state.fitted(**names), late.fitted(**names)])
    engine.advance(both, joined, 5)
    assert_same_bits(joined.take([0, 1, 2, 3]), pack.take([20, 21, 22, 23]))
    engine.advance(rest, others := joined.take(list(range(4, 24))), 4)
    assert_same_bits(others, pack.take(list(range(20))))


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_no_bit(kind: str, count: int) -> None:
    trials = trials_of_kind(kind, count, "float32")
    one = trained(trials, 6, 3, data=SAMPLES)
    for threads in (2, 3):
        assert_same_bits(trained(trials, 6, 3, data=SAMPLES, threads=threads), one)


def test_a_wide_lane_by_two_threads_stops_as_by_one() -> None:
    trials = [replace(t, max_epochs=4) for t in trials_of_kind("everything, wide", 2, "float32")]
    ends = []
    for threads in (1, 2):
        engine = FusedEngine(trials[0], SAMPLES, validation_every=1, threads=threads)
        lanes = lanes_of_trials(trials[0])
        state = engine.begin(lanes)
        (stop,) = engine.advance(lanes, state, 9)
        ends.append(stop.state)
    assert_same_bits(*ends)
    assert ends[0].epoch[0] == 4
