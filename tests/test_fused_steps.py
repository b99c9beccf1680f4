"""Claims: the fused engine makes the reference engine's steps, whatever the trial."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.datasets.arrays import make_data
from sweep.datasets.data import Data
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lanes
from sweep.engines.torch.engine import TorchEngine
from sweep.trial import Trial
from tests.test_engines_agree import HIDDEN, SMOOTH, differences, featured, is_smooth
from tests.trials import lanes_of_trials, make_trial, one_hot

OUTPUTS = {
    "mean_squared_error": (*HIDDEN, "softmax"),
    "binary_cross_entropy": ("sigmoid", "softmax"),
    "categorical_cross_entropy": ("softmax", "sigmoid", "softplus"),
}
SIZES: dict[str, list[tuple[tuple[int, ...], int | None]]] = {
    "of few": [((4, 3, 4), None), ((9, 5, 2, 5, 9), None), ((6, 6), None), ((17, 4, 17), None)],
    "of many": [((9, 7, 3, 7, 9), 37), ((20, 18, 20), 53), ((17, 5, 6, 5, 17), 53), ((5, 5), 37)],
}
"""Topologies and how many random samples, None for one-hot ones; some wider than a vector."""
BATCHES = (None, 1, 4, 5, 16, 32, 64)
NEUTRAL = {"sparsity": "none", "contractive_penalty": 0.0}
NO_HIDDEN = {"skip": "none", "normalisation": "none", "hidden_dropout": 0.0, "tied_weights": False}
relaxed = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def random_data(samples: int, features: int) -> Data:
    """Return random numbers, other ones as targets, and seven held-out samples."""
    draw = np.random.default_rng(samples)
    tables = (draw.random((count, features)).round(3) for count in (samples, samples, 7, 7))
    inputs, targets, held_inputs, held_targets = tables
    return make_data(
        f"random-{samples}-{features}",
        inputs,
        targets,
        validation_inputs=held_inputs,
        validation_targets=held_targets,
    )


def data_of(trial: Trial, samples: int | None) -> Data:
    features = trial.topology[0]
    return one_hot(features) if samples is None else random_data(samples, features)


@st.composite
def cases(
    draw: st.DrawFn, *, hidden: tuple[str, ...], dtype: str, size: str = "of few"
) -> tuple[dict[str, Any], int | None]:
    """Return choices of everything that the fused engine trains, and how many samples."""
    choice = draw(featured(hidden=hidden, dtype=dtype))
    penalties = [name for name in choice if name.startswith("sparsity_")]
    choice = {name: choice[name] for name in choice if name not in penalties} | NEUTRAL
    choice["topology"], samples = draw(st.sampled_from(SIZES[size]))
    outputs = [name for name in OUTPUTS[choice["loss"]] if name in (*hidden, "softmax", "sigmoid")]
    if choice.get("loss_semantics") != "logits":
        choice["output_activation"] = draw(st.sampled_from(outputs))
    for option in ("slope", "alpha"):
        choice[f"output_activation_{option}"] = choice.get(f"activation_{option}")
    if len(choice["topology"]) == 2:
        choice |= NO_HIDDEN | {"code_penalty": 0.0}
    if choice.get("loss_reduction") == "sum":
        choice["learning_rate"] /= 100
    batch = draw(st.sampled_from(batches_of(choice, samples)))
    orders = ["full_batch"] if batch is None else ["fixed", "shuffled"]
    return choice | {"batch_size": batch, "sample_order": draw(st.sampled_from(orders))}, samples


def batches_of(choice: dict[str, Any], samples: int | None) -> list[int | None]:
    """Return the sizes of batches that choices allow: of three or more if they are normalised."""
    count = samples or choice["topology"][0]
    sizes = [size for size in BATCHES if size is None or size <= count]
    if choice.get("normalisation", "none") == "none":
        return list(sizes)
    return [size for size in sizes if size is None or (size > 2 and count % size not in (1, 2))]


def pack_beside(trial: Trial, others: int) -> Lanes:
    """Return the trial among lanes of other seeds, rates and decays."""
    rate = trial.learning_rate
    beside = [
        replace(trial, seed=i, learning_rate=rate / (i + 1), weight_decay=0.001 * i)
        for i in range(others)
    ]
    return lanes_of_trials(trial, *beside)


def engines_for(trial: Trial, samples: int | None) -> tuple[FusedEngine, ReferenceEngine]:
    data = data_of(trial, samples)
    return FusedEngine(trial, data), ReferenceEngine(trial, data)


def assert_one_step_agrees(
    choice: dict[str, Any], samples: int | None, *, others: int, within: float
) -> None:
    """Train an epoch from states that the reference engine comes to."""
    trial = make_trial(**choice)
    fused, reference = engines_for(trial, samples)
    lanes = pack_beside(trial, others)
    state = fused.begin(lanes)
    for epochs in (1, 4, 15) if samples is None else (1, 2):
        mine, theirs = state.copy(), state.copy()
        fused.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        assert max(differences(mine, theirs).values()) < within
        for name, slot in theirs.slots.items():
            atol = within * max(1.0, float(np.abs(slot).max()))
            np.testing.assert_allclose(mine.slots[name], slot, 1e3 * within, atol, err_msg=name)
        reference.advance(lanes, state, epochs)


@pytest.mark.slow
@relaxed
@given(cases(hidden=HIDDEN, dtype="float64"), st.sampled_from([0, 5]))
def test_one_step_from_sampled_states_agrees_in_float64(
    case: tuple[dict[str, Any], int | None], others: int
) -> None:
    assert_one_step_agrees(*case, others=others, within=1e-12)


@pytest.mark.slow
@relaxed
@given(cases(hidden=HIDDEN, dtype="float64", size="of many"), st.sampled_from([0, 10]))
def test_one_step_on_many_samples_agrees_in_float64(
    case: tuple[dict[str, Any], int | None], others: int
) -> None:
    assert_one_step_agrees(*case, others=others, within=1e-12)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "adamax"])
def test_epsilon_hat_is_the_same_in_every_engine(optimizer: str) -> None:
    options = {"optimizer_epsilon": 1e-3, "optimizer_epsilon_hat": True, "weight_decay": 0.01}
    trial = make_trial(optimizer=optimizer, **options)
    ends = []
    for made in (FusedEngine, TorchEngine, ReferenceEngine):
        engine, lanes = made(trial, one_hot(4)), pack_beside(trial, 2)
        state = engine.begin(lanes)
        engine.advance(lanes, state, 20)
        ends.append(state)
    for mine in ends[:2]:
        assert max(differences(mine, ends[2]).values()) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@settings(relaxed, max_examples=8)
@given(st.data())
def test_one_step_agrees_in_float32(size: str, drawn: st.DataObject) -> None:
    case = drawn.draw(cases(hidden=HIDDEN, dtype="float32", size=size))
    assert_one_step_agrees(*case, others=9, within=1e-5)


@pytest.mark.slow
@settings(relaxed, max_examples=6)
@given(
    cases(hidden=SMOOTH, dtype="float64").filter(
        lambda case: is_smooth(case[0]) and case[0]["output_activation"] in (*SMOOTH, "softmax")
    )
)
def test_fifty_free_epochs_agree_in_float64(case: tuple[dict[str, Any], int | None]) -> None:
    trial = make_trial(**case[0])
    fused, reference = engines_for(trial, case[1])
    lanes = pack_beside(trial, 5)
    mine, theirs = fused.begin(lanes), reference.begin(lanes)
    fused.advance(lanes, mine, 50)
    reference.advance(lanes, theirs, 50)
    assert differences(mine, theirs)["loss"] < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "within"), [("float64", 1e-12), ("float32", 1e-5)])
@settings(relaxed, max_examples=8)
@given(st.data())
def test_evaluation_agrees(dtype: str, within: float, size: str, drawn: st.DataObject) -> None:
    choice, samples = drawn.draw(cases(hidden=HIDDEN, dtype=dtype, size=size))
    trial = make_trial(**choice)
    fused, reference = engines_for(trial, samples)
    lanes = pack_beside(trial, 2)
    state = fused.begin(lanes)
    fused.advance(lanes, state, 3)
    for mine, theirs in zip(
        fused.evaluate(lanes, state), reference.evaluate(lanes, state), strict=True
    ):
        assert mine.loss == pytest.approx(theirs.loss, rel=within)
        assert mine.objective == pytest.approx(theirs.objective, rel=within)
        norm = pytest.approx(theirs.gradient_norm, rel=1e3 * within, abs=1e-3 * within)
        assert mine.gradient_norm == norm
        assert mine.samples_reconstructed == theirs.samples_reconstructed
        assert mine.argmax_correct == theirs.argmax_correct
    one, alone = lanes.take([1]), state.take([1])
    for layer in range(1, len(trial.topology) - 1):
        found, wanted = (engine.hidden(one, alone, layer) for engine in (fused, reference))
        np.testing.assert_allclose(found, wanted, rtol=1e2 * within, atol=within)
