"""Identity: what names a trial and a path, for ever."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.datasets import one_hot
from sweep.trial import PARAMETERS, Scope, Trial
from tests.sweepfiles import trials_of

PLAIN = Trial(
    dataset="one-hot-16",
    data_fingerprint="c92950a35028a1e7",
    topology=(16, 4, 16),
    activation="sigmoid",
    output_activation="sigmoid",
    initialiser="uniform",
    initialiser_constant=1.0,
    seed=0,
    loss="binary_cross_entropy",
    loss_semantics="keras",
    optimizer="rmsprop",
    learning_rate=0.001,
    optimizer_rho=0.9,
    optimizer_epsilon=1e-8,
    dtype="float32",
    delta_tolerance=1e-7,
    delta_patience=1,
    max_epochs=1000,
)


def test_released_identities_never_change() -> None:
    assert PLAIN.path_id == "bfb6177f348d63b6"
    assert PLAIN.trial_id == "d84e6c0de4381d95"


NEUTRAL = {
    name: item.metadata["neutral"]
    for name, item in PARAMETERS.items()
    if item.metadata["neutral"] is not None
}


def test_the_neutral_values_are_frozen() -> None:
    assert {
        "initialiser_jitter": 0.0,
        "bias_constant": 0.0,
        "weight_decay": 0.0,
        "decay_biases": True,
        "loss_reduction": "mean",
        "biases": True,
        "learning_rate_schedule": "constant",
        "optimizer_momentum": 0.0,
        "optimizer_dampening": 0.0,
        "optimizer_nesterov": False,
        "optimizer_centered": False,
        "optimizer_epsilon_inside": False,
        "optimizer_epsilon_hat": False,
        "initialiser_draw_biases": False,
        "optimizer_decay": 0.0,
        "optimizer_initial_accumulator": 0.0,
        "optimizer_amsgrad": False,
        "sample_order": "full_batch",
    }.items() <= NEUTRAL.items()


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_a_neutral_value_leaves_the_identity_as_it_is(name: str) -> None:
    said = dataclasses.replace(PLAIN, **{name: NEUTRAL[name]})
    assert said.trial_id == PLAIN.trial_id


def other(value: object) -> object:
    """Return a value that differs."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case tuple():
            return (*value, 3)
    return "0123456789abcdef"


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_enters_the_identity_of_its_scope(name: str) -> None:
    neutral = PARAMETERS[name].metadata["neutral"]
    value = getattr(PLAIN, name)
    changed = dataclasses.replace(PLAIN, **{name: other(neutral if value is None else value)})
    scope = PARAMETERS[name].metadata["scope"]
    assert (changed.path_id != PLAIN.path_id) == (scope is Scope.PATH)
    assert (changed.trial_id != PLAIN.trial_id) == (scope is not Scope.LABEL)


def test_the_same_data_under_another_name_is_the_same_trial() -> None:
    rows = [list(map(float, row)) for row in one_hot(4).inputs]
    datasets = [{"name": "vectors", "values": rows}, "one-hot", {"name": "one-hot", "size": 4}]
    assert len(trials_of(grid={"dataset": datasets})) == 1


def test_stop_rules_share_a_path() -> None:
    rules = [{"max_epochs": 5}, {"delta": {"tolerance": 1e-3}, "max_epochs": 5}, {"epochs": 5}]
    trials = trials_of(grid={"convergence": rules})
    assert len({trial.path_id for trial in trials}) == 1
    assert len({trial.trial_id for trial in trials}) == 3


@pytest.mark.slow
@given(st.floats(min_value=1e-300, max_value=1e300), st.floats(min_value=1e-300, max_value=1e300))
def test_learning_rates_are_told_apart_to_the_last_bit(first: float, second: float) -> None:
    one = dataclasses.replace(PLAIN, learning_rate=first)
    two = dataclasses.replace(PLAIN, learning_rate=second)
    assert (one.path_id == two.path_id) == (first == second)
