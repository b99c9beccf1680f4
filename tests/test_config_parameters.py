"""What a sweep file says becomes the columns of a trial."""

from math import sqrt
from typing import Any

import pytest

from tests.sweepfiles import trials_of, values_of


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (0.1, [0.1]),
        ([0.1, 1], [0.1, 1.0]),
        ({"linear": {"from": 0.1, "to": 0.5, "count": 5}}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"log": {"from": 1, "to": 1e-5, "count": 6}}, [1.0, 0.1, 0.01, 0.001, 1e-4, 1e-5]),
        ({"log": {"from": 0.3, "to": 0.7, "count": 2}}, [0.3, 0.7]),
    ],
)
def test_an_axis_takes_a_value_a_list_or_a_range(axis: Any, values: list[float]) -> None:
    assert values_of("learning_rate", grid={"learning_rate": axis}) == values


def test_whole_ranges_are_whole_numbers() -> None:
    grid = {"seed": {"linear": {"from": 1, "to": 4, "count": 4}}}
    assert values_of("seed", grid=grid) == [1, 2, 3, 4]
    assert {type(seed) for seed in values_of("seed", grid=grid)} == {int}


@pytest.mark.parametrize(
    ("axis", "topologies"),
    [
        ("4-2-4", [(4, 2, 4)]),
        ([4, 2, 4], [(4, 2, 4)]),
        (["4-2-4", "8-3-8"], [(4, 2, 4), (8, 3, 8)]),
        ([[4, 2, 4], "8-3-8"], [(4, 2, 4), (8, 3, 8)]),
    ],
)
def test_a_topology_is_text_or_a_list_of_widths(axis: Any, topologies: list[Any]) -> None:
    assert values_of("topology", grid={"topology": axis}) == topologies


def test_one_hot_data_follows_the_input_width() -> None:
    names = values_of("dataset", grid={"topology": ["4-2-4", "8-3-8"]})
    assert names == ["one-hot-4", "one-hot-8"]


def test_options_of_a_choice_are_axes() -> None:
    optimizer = ["adam", {"name": "sgd", "momentum": [0, 0.9]}]
    trials = trials_of(grid={"optimizer": optimizer})
    assert [(t.optimizer, t.optimizer_momentum, t.optimizer_beta1) for t in trials] == [
        ("adam", None, 0.9),
        ("sgd", 0.0, None),
        ("sgd", 0.9, None),
    ]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("sgd", {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "decay": 0.0}),
        ("rmsprop", {"rho": 0.99, "epsilon": 1e-8, "epsilon_inside": False, "centered": False}),
        ("adagrad", {"initial_accumulator": 0.0, "epsilon": 1e-10, "epsilon_inside": False}),
        ("adadelta", {"rho": 0.9, "epsilon": 1e-6}),
        ("adam", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "amsgrad": False}),
        ("adam", {"epsilon_hat": False}),
        ("adamax", {"epsilon_hat": False}),
        ("nadam", {"epsilon_hat": None}),
        ("adamw", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "amsgrad": False}),
        ("nadam", {"beta1": 0.9, "beta2": 0.999, "momentum_decay": 4e-3}),
        ("adamax", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "decay": 0.0}),
        (
            "rprop",
            {"eta_minus": 0.5, "eta_plus": 1.2, "step_min": 1e-6, "step_max": 50.0, "decay": None},
        ),
        ("quickprop", {"max_growth": 1.75, "decay": 0.0}),
    ],
)
def test_an_optimizer_has_pytorchs_defaults(name: str, columns: dict[str, object]) -> None:
    (trial,) = trials_of(fixed={"optimizer": name})
    assert {key: getattr(trial, f"optimizer_{key}") for key in columns} == columns


@pytest.mark.parametrize(
    ("initialiser", "constant"),
    [
        ("xavier_uniform", 1.0),
        ("kaiming_normal", sqrt(2.0)),
        ("dl4j_xavier", None),
        ({"name": "constant", "constant": 0.2, "jitter": 0.1}, 0.2),
    ],
)
def test_an_initialiser_has_its_constant(initialiser: Any, constant: float | None) -> None:
    assert values_of("initialiser_constant", fixed={"initialiser": initialiser}) == [constant]


@pytest.mark.parametrize(
    ("initialiser", "drawn"),
    [
        ("torch_linear", [True]),
        ({"name": "torch_linear", "draw_biases": False}, [False]),
        ("xavier_uniform", [False]),
        ({"name": "uniform", "constant": 1, "draw_biases": [False, True]}, [False, True]),
        ("identity", [False]),
    ],
)
def test_torch_linear_alone_draws_biases_unasked(initialiser: Any, drawn: list[bool]) -> None:
    grid = {"initialiser": initialiser}
    assert values_of("initialiser_draw_biases", fixed={"topology": "4-4"}, grid=grid) == drawn


@pytest.mark.parametrize("loss", ["mean_squared_error", "categorical_cross_entropy"])
def test_a_loss_is_a_mean_unless_a_sum_is_asked_for(loss: str) -> None:
    grid = {"loss": [loss, {"name": loss, "reduction": ["mean", "sum"]}]}
    assert values_of("loss_reduction", grid=grid) == ["mean", "sum"]


def test_a_schedule_fills_the_learning_rate_columns() -> None:
    schedule = {"name": "exponential", "factor": 0.5}
    (trial,) = trials_of(fixed={"learning_rate_schedule": schedule})
    found = (trial.learning_rate_schedule, trial.learning_rate_factor, trial.learning_rate_period)
    assert found == ("exponential", 0.5, 1)


def test_activations_keep_their_options_apart() -> None:
    fixed = {"activation": "leaky_relu", "output_activation": {"name": "elu", "alpha": 2}}
    (trial,) = trials_of(fixed=fixed)
    assert (trial.activation_slope, trial.activation_alpha) == (0.01, None)
    assert (trial.output_activation_slope, trial.output_activation_alpha) == (None, 2.0)


def test_stop_rules_fill_their_columns() -> None:
    rules = [
        {"delta": {"tolerance": [1e-5, 1e-7]}, "max_epochs": 1e3},
        {"epochs": 7},
        {
            "early_stopping": {"patience": 3},
            "target": {"loss": 0.1},
            "pattern": {},
            "max_epochs": 9,
            "max_seconds": 1,
        },
    ]
    trials = trials_of(grid={"convergence": rules})
    assert [(t.delta_tolerance, t.delta_patience) for t in trials] == [
        (1e-5, 1),
        (1e-7, 1),
        (None, None),
        (None, None),
    ]
    assert [(t.fixed_epochs, t.max_epochs) for t in trials] == [
        (None, 1000),
        (None, 1000),
        (7, 7),
        (None, 9),
    ]
    last = trials[-1]
    assert (last.early_stopping_patience, last.early_stopping_min_delta) == (3, 0.0)
    assert (last.target_loss, last.pattern_margin, last.max_seconds) == (0.1, 0.4, 1.0)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"batch_size": 2}, (2, "shuffled")),
        ({"batch_size": 2, "sample_order": "fixed"}, (2, "fixed")),
        ({"batch_size": 4}, (None, "full_batch")),
        ({"batch_size": None}, (None, "full_batch")),
        ({}, (None, "full_batch")),
    ],
)
def test_all_samples_in_one_update_are_a_full_batch(given: Any, found: tuple[Any, str]) -> None:
    (trial,) = trials_of(fixed=given)
    assert (trial.batch_size, trial.sample_order) == found


def test_a_null_batch_among_others_stands_once() -> None:
    grid = {"batch_size": [None, 2], "sample_order": ["fixed", "shuffled"]}
    trials = trials_of(grid=grid)
    assert [(t.batch_size, t.sample_order) for t in trials] == [
        (None, "full_batch"),
        (2, "fixed"),
        (2, "shuffled"),
    ]


def test_several_stop_rules_in_the_convergence_block_share_each_path() -> None:
    rules = {"delta": {"tolerance": [1e-5, 1e-7]}, "max_epochs": 100}
    trials = trials_of(convergence=rules)
    assert [trial.delta_tolerance for trial in trials] == [1e-5, 1e-7]
    assert len({trial.path_id for trial in trials}) == 1
