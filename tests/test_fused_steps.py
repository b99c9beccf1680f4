"""Claims: the fused engine makes the reference engine's steps, whatever the trial."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.engines.fused.engine import FusedEngine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lanes
from sweep.engines.torch.engine import TorchEngine
from sweep.trial import Trial
from tests.test_engines_agree import HIDDEN, SMOOTH, SMOOTH_STEPS, choices, differences
from tests.trials import lanes_of_trials, make_trial, one_hot

OUTPUTS = {
    "mean_squared_error": (*HIDDEN, "softmax"),
    "binary_cross_entropy": ("sigmoid", "softmax"),
    "categorical_cross_entropy": ("softmax", "sigmoid", "softplus"),
}
relaxed = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def full_batch(draw: st.DrawFn, *, hidden: tuple[str, ...], dtype: str) -> dict[str, Any]:
    choice = draw(choices(hidden=hidden, dtype=dtype))
    choice |= {"batch_size": None, "sample_order": "full_batch"}
    choice["topology"] = draw(st.sampled_from([(4, 3, 4), (9, 5, 2, 9), (6, 6), (17, 4, 17)]))
    outputs = [name for name in OUTPUTS[choice["loss"]] if name in (*hidden, "softmax", "sigmoid")]
    if choice.get("loss_semantics") != "logits":
        choice["output_activation"] = draw(st.sampled_from(outputs))
    for option in ("slope", "alpha"):
        choice[f"output_activation_{option}"] = choice.get(f"activation_{option}")
    return choice


def pack_beside(trial: Trial, others: int) -> Lanes:
    """Return the trial among lanes of other seeds, rates and decays."""
    rate = trial.learning_rate
    beside = [
        replace(trial, seed=i, learning_rate=rate / (i + 1), weight_decay=0.001 * i)
        for i in range(others)
    ]
    return lanes_of_trials(trial, *beside)


@pytest.mark.slow
@relaxed
@given(full_batch(hidden=HIDDEN, dtype="float64"), st.sampled_from([0, 5]))
def test_one_step_from_sampled_states_agrees_in_float64(
    choice: dict[str, Any], others: int
) -> None:
    trial = make_trial(**choice)
    data = one_hot(trial.topology[0])
    fused, reference = FusedEngine(trial, data), ReferenceEngine(trial, data)
    lanes = pack_beside(trial, others)
    state = reference.begin(lanes)
    for epochs in (1, 4, 15):
        mine, theirs = state.copy(), state.copy()
        fused.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        assert max(differences(mine, theirs).values()) < 1e-12
        for name, slot in theirs.slots.items():
            np.testing.assert_allclose(mine.slots[name], slot, rtol=1e-9, atol=1e-12, err_msg=name)
        reference.advance(lanes, state, epochs)


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
@relaxed
@given(full_batch(hidden=HIDDEN, dtype="float32"))
def test_one_step_agrees_in_float32(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    data = one_hot(trial.topology[0])
    fused, reference = FusedEngine(trial, data), ReferenceEngine(trial, data)
    lanes = pack_beside(trial, 9)
    state = reference.begin(lanes)
    reference.advance(lanes, state, 5)
    mine, theirs = state.copy(), state.copy()
    fused.advance(lanes, mine, 1)
    reference.advance(lanes, theirs, 1)
    assert max(differences(mine, theirs).values()) < 1e-5


@pytest.mark.slow
@relaxed
@given(
    full_batch(hidden=SMOOTH, dtype="float64").filter(
        lambda choice: (
            choice["optimizer"] in SMOOTH_STEPS
            and choice["output_activation"] in (*SMOOTH, "softmax")
        )
    )
)
def test_fifty_free_epochs_agree_in_float64(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    data = one_hot(trial.topology[0])
    fused, reference = FusedEngine(trial, data), ReferenceEngine(trial, data)
    lanes = pack_beside(trial, 5)
    mine, theirs = fused.begin(lanes), reference.begin(lanes)
    fused.advance(lanes, mine, 50)
    reference.advance(lanes, theirs, 50)
    assert differences(mine, theirs)["loss"] < 1e-9


@pytest.mark.slow
@relaxed
@given(full_batch(hidden=HIDDEN, dtype="float64"))
def test_evaluation_agrees(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    data = one_hot(trial.topology[0])
    fused, reference = FusedEngine(trial, data), ReferenceEngine(trial, data)
    lanes = pack_beside(trial, 2)
    state = fused.begin(lanes)
    fused.advance(lanes, state, 20)
    for mine, theirs in zip(
        fused.evaluate(lanes, state), reference.evaluate(lanes, state), strict=True
    ):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-12)
        assert mine.objective == pytest.approx(theirs.objective, rel=1e-12)
        assert mine.gradient_norm == pytest.approx(theirs.gradient_norm, rel=1e-9, abs=1e-15)
        assert mine.samples_reconstructed == theirs.samples_reconstructed
