"""Claims: the torch engine equals the reference engine, whatever the trial."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sweep.components.registry import (
    ACTIVATIONS,
    CLIPPINGS,
    FAMILIES,
    INITIALISERS,
    LOSSES,
    SKIPS,
)
from sweep.components.spec import Option
from sweep.engines.contract import Engine
from sweep.engines.reference.engine import ReferenceEngine
from sweep.engines.state import Lanes, LaneState
from sweep.engines.torch.engine import TorchEngine
from sweep.training.work import freeze, thaw
from sweep.trial import Trial
from tests.trials import (
    OPTIMIZERS,
    columns_of,
    lanes_of_trials,
    make_trial,
    one_hot,
    relative_difference,
    sample,
)

HIDDEN = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)
SMOOTH = ("sigmoid", "tanh", "gelu", "silu", "softplus", "identity")
SMOOTH_STEPS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamw", "nadam", "adamax")
"""Others part at signs and quotients of slopes, and activations at corners."""


@st.composite
def chosen(draw: st.DrawFn, family: str, *names: str) -> dict[str, Any]:
    """Return the columns of a component of a family, its options somewhere in their range."""
    name = draw(st.sampled_from(sorted(names or FAMILIES[family])))
    component = FAMILIES[family][name]
    given = {option: draw(values_of(spec)) for option, spec in component.options.items()}
    if family == "optimizer":
        assume(not list(component.faults(given)))  # type: ignore[attr-defined]
    return columns_of(family, name, **given)


def values_of(spec: Option) -> st.SearchStrategy[Any]:
    """Return the values that an option is tried at: every word, and numbers near its sample."""
    if spec.kind is bool:
        return st.booleans()
    if spec.choices:
        return st.sampled_from(spec.choices)
    first = sample(spec)
    other = 0.5 if spec.presence else (first or 0.02) / 2
    fits = spec.kind is float and (spec.above is None or other > spec.above)
    return st.sampled_from([first, other] if fits else [first])


@st.composite
def choices(draw: st.DrawFn, *, hidden: tuple[str, ...], dtype: str = "float64") -> dict[str, Any]:
    losses = draw(chosen("loss"))
    loss = LOSSES[losses["loss"]]
    of_logits = loss.takes_logits(losses.get("loss_semantics"))
    outputs = ("sigmoid",) if of_logits else ("sigmoid", "softmax")
    batch = draw(st.sampled_from([None, None, 2, 3]))
    order = "full_batch" if batch is None else draw(st.sampled_from(["fixed", "shuffled"]))
    clip = draw(st.sampled_from(["none", "none", *CLIPPINGS]))
    drawing = (name for name, initialiser in INITIALISERS.items() if initialiser.draws)
    return dict(
        topology=draw(st.sampled_from([(4, 3, 4), (5, 2, 5), (6, 4, 2, 4, 6)])),
        **draw(chosen("activation", *hidden)),
        **draw(chosen("output_activation", *outputs)),
        **draw(chosen("initialiser", *drawing)),
        bias_constant=draw(st.sampled_from([0.0, 0.1])),
        seed=draw(st.integers(0, 2**63 - 1)),
        **losses,
        flat_spot=draw(st.sampled_from([0.0, 0.0, 0.1])),
        gradient_clip=clip,
        gradient_clip_limit=None if clip == "none" else draw(st.sampled_from([0.01, 0.3])),
        weight_decay=draw(st.sampled_from([0.0, 0.01])),
        decay_biases=draw(st.booleans()),
        biases=draw(st.sampled_from([True, True, False])),
        **draw(chosen("optimizer")),
        learning_rate=draw(st.sampled_from([0.001, 0.02])),
        **draw(chosen("learning_rate_schedule")),
        batch_size=batch,
        sample_order=order,
        dtype=dtype,
    )


@st.composite
def featured(draw: st.DrawFn, *, hidden: tuple[str, ...], dtype: str = "float64") -> dict[str, Any]:
    """Return choices with whatever features go together."""
    choice: dict[str, Any] = draw(choices(hidden=hidden, dtype=dtype))
    palindrome = choice["topology"] == choice["topology"][::-1]
    choice |= {"tied_weights": palindrome and draw(st.booleans())}
    choice |= {"skip": draw(st.sampled_from(["none", *SKIPS]))}
    choice |= {"code_penalty": draw(st.sampled_from([0.0, 0.1]))}
    if draw(st.booleans()):
        choice |= draw(normalised(choice["topology"][0]))
    choice |= draw(regularised(choice))
    return choice | draw(st.one_of(st.just({"input_noise": "none"}), chosen("input_noise")))


@st.composite
def regularised(draw: st.DrawFn, choice: dict[str, Any]) -> dict[str, Any]:
    """Return dropout and the penalties that choices allow."""
    found: dict[str, Any] = {"weight_l1": draw(st.sampled_from([0.0, 0.0, 0.01]))}
    for name in ("input_dropout", "hidden_dropout"):
        found[name] = draw(st.sampled_from([0.0, 0.2]))
    plain = choice["skip"] == "none"
    if plain and choice["activation"] == "sigmoid":
        found |= draw(st.one_of(st.just({"sparsity": "none"}), chosen("sparsity")))
    if plain and not choice["flat_spot"] and choice.get("normalisation", "none") == "none":
        found["contractive_penalty"] = draw(st.sampled_from([0.0, 0.1]))
    return found


@st.composite
def normalised(draw: st.DrawFn, samples: int) -> dict[str, Any]:
    """Return batch normalisation with batches of three or more.

    Of two samples the normalised values are 1 and -1 whatever the weights, whose gradient is
    rounding.
    """
    batch = draw(st.sampled_from([None, 3])) if samples % 3 == 0 else None
    return {
        "normalisation": "batch",
        "normalisation_momentum": draw(st.sampled_from([0.1, 0.4])),
        "normalisation_epsilon": draw(st.sampled_from([1e-5, 1e-3])),
        "batch_size": batch,
        "sample_order": "full_batch" if batch is None else "shuffled",
    }


def engines(trial: Trial) -> tuple[Engine, Engine]:
    data = one_hot(trial.topology[0])
    return TorchEngine(trial, data), ReferenceEngine(trial, data)


def pack_beside(trial: Trial) -> Lanes:
    """Return the trial among lanes of other seeds, rates and decays."""
    others = [
        replace(trial, seed=1, learning_rate=trial.learning_rate / 2),
        replace(trial, seed=2, weight_decay=0.003),
    ]
    return lanes_of_trials(trial, *others)


def differences(a: LaneState, b: LaneState) -> dict[str, float]:
    """Return the relative difference of parameters, losses and moments.

    A layer's mean is compared at the scale of its variance: of what is normalised already, it is
    nothing but rounding.
    """
    mine, theirs = (
        {"parameters": state.parameters, "loss": state.previous_loss} | moments(state)
        for state in (a, b)
    )
    return {name: relative_difference(mine[name], theirs[name]) for name in theirs}


def moments(state: LaneState) -> dict[str, np.ndarray]:
    names = [name.removesuffix(".running_var") for name in state.buffers]
    layers = [name for name in names if not name.endswith(".running_mean")]
    kinds = ("running_mean", "running_var")
    return {
        layer: np.stack([state.buffers[f"{layer}.{kind}"] for kind in kinds]) for layer in layers
    }


def is_smooth(choice: dict[str, Any]) -> bool:
    """Return whether small differences stay small, and no sign makes them large."""
    return choice["optimizer"] in SMOOTH_STEPS and not choice["weight_l1"]


relaxed = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@relaxed
@given(featured(hidden=HIDDEN))
def test_one_step_from_sampled_states_agrees_in_float64(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    torch_engine, reference = engines(trial)
    lanes = pack_beside(trial)
    state = reference.begin(lanes)
    for epochs in (1, 4, 15):
        mine, theirs = (state.copy() for _ in range(2))
        torch_engine.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        assert max(differences(mine, theirs).values()) < 1e-12
        reference.advance(lanes, state, epochs)


@pytest.mark.slow
@settings(relaxed, max_examples=10)
@given(featured(hidden=SMOOTH).filter(is_smooth))
def test_fifty_free_epochs_agree_in_float64(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    torch_engine, reference = engines(trial)
    lanes = pack_beside(trial)
    mine, theirs = torch_engine.begin(lanes), reference.begin(lanes)
    torch_engine.advance(lanes, mine, 50)
    reference.advance(lanes, theirs, 50)
    assert differences(mine, theirs)["loss"] < 1e-9


@pytest.mark.slow
@relaxed
@given(featured(hidden=HIDDEN, dtype="float32"))
def test_one_step_agrees_in_float32(choice: dict[str, Any]) -> None:
    trial = make_trial(**choice)
    torch_engine, reference = engines(trial)
    lanes = pack_beside(trial)
    state = reference.begin(lanes)
    reference.advance(lanes, state, 5)
    mine, theirs = (state.copy() for _ in range(2))
    torch_engine.advance(lanes, mine, 1)
    reference.advance(lanes, theirs, 1)
    assert max(differences(mine, theirs).values()) < 1e-5


def test_same_pack_twice_gives_the_same_bits() -> None:
    trial = make_trial(dtype="float32")
    results = []
    for _ in range(2):
        lanes = pack_beside(trial)
        engine = engines(trial)[0]
        state = engine.begin(lanes)
        engine.advance(lanes, state, 60)
        results.append(state.parameters.tobytes())
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "features",
    [
        {},
        {
            "normalisation": "batch",
            "normalisation_momentum": 0.1,
            "normalisation_epsilon": 1e-5,
            "input_noise": "gaussian",
            "input_noise_scale": 0.1,
            "hidden_dropout": 0.1,
            "weight_l1": 0.01,
        },
    ],
)
def test_judging_epochs_in_windows_changes_no_bit(features: dict[str, Any]) -> None:
    trials = [
        make_trial(
            seed=s, optimizer="nadam", max_epochs=20 + 7 * s, batch_size=2, pattern_margin=0.3
        )
        for s in range(3)
    ]
    trials = [replace(t, sample_order="shuffled", learning_rate=0.1, **features) for t in trials]
    ends = []
    for window in (1, 16):
        lanes = lanes_of_trials(*trials)
        engine = TorchEngine(trials[0], one_hot(4), window=window)
        state = engine.begin(lanes)
        ends.append([*engine.advance(lanes, state, 25), *engine.advance(lanes, state, 25)])
    assert [(s.row, s.reason) for s in ends[0]] == [(s.row, s.reason) for s in ends[1]]
    assert len(ends[0]) == 3
    for mine, theirs in zip(*ends, strict=True):
        for name, array in mine.state.arrays().items():
            np.testing.assert_array_equal(array, theirs.state.arrays()[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("engine_index", [0, 1])
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_saved_and_restored_equals_uninterrupted(optimizer: str, engine_index: int) -> None:
    trial = make_trial(optimizer=optimizer, batch_size=2, sample_order="shuffled", max_epochs=1000)
    lanes = pack_beside(trial)
    engine = engines(trial)[engine_index]
    whole = engine.begin(lanes)
    engine.advance(lanes, whole, 30)
    state = engine.begin(lanes)
    engine.advance(lanes, state, 11)
    restored, _, _ = thaw(freeze(state, lanes.lanes, []))
    assert restored is not None
    engine.advance(lanes, restored, 19)
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(restored.arrays()[name], array, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("engine_index", [0, 1])
def test_buffers_are_saved_and_restored(engine_index: int) -> None:
    norm = {"normalisation_momentum": 0.1, "normalisation_epsilon": 1e-5}
    trial = make_trial(normalisation="batch", batch_size=2, sample_order="shuffled", **norm)
    lanes = pack_beside(trial)
    engine = engines(trial)[engine_index]
    whole = engine.begin(lanes)
    engine.advance(lanes, whole, 30)
    state = engine.begin(lanes)
    engine.advance(lanes, state, 11)
    restored, _, _ = thaw(freeze(state, lanes.lanes, []))
    assert restored is not None
    engine.advance(lanes, restored, 19)
    assert set(whole.buffers) == {"0.norm.running_mean", "0.norm.running_var"}
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(restored.arrays()[name], array, err_msg=name)
