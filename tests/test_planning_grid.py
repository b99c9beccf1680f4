"""A grid holds every combination asked for, once, and knows each trial's identity."""

from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweep.config import parse_config
from sweep.errors import ConfigError
from sweep.planning import expand
from tests.sweepfiles import faults_of, small, trials_of, values_of


def test_every_combination_is_a_trial() -> None:
    trials = trials_of(grid={"learning_rate": [0.1, 0.2], "seed": [1, 2, 3]})
    found = {(trial.learning_rate, trial.seed) for trial in trials}
    assert found == set(product([0.1, 0.2], [1, 2, 3]))
    assert len(trials) == 6


def test_zipped_axes_advance_together() -> None:
    grid = {
        "learning_rate": [0.1, 0.2],
        "seed": [1, 2],
        "bias_constant": [0, 1],
        "zip": ["learning_rate", "seed"],
    }
    found = {(t.learning_rate, t.seed, t.bias_constant) for t in trials_of(grid=grid)}
    assert found == {(0.1, 1, 0.0), (0.1, 1, 1.0), (0.2, 2, 0.0), (0.2, 2, 1.0)}


def test_data_may_be_zipped_with_its_topology() -> None:
    grid = {
        "dataset": {"name": "one-hot", "size": [4, 8]},
        "topology": ["4-2-4", "8-3-8"],
        "zip": ["dataset", "topology"],
    }
    assert values_of("dataset", grid=grid) == ["one-hot-4", "one-hot-8"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ([{"learning_rate": 0.1}], 4),
        ([{"learning_rate": "> 0.1"}], 2),
        ([{"learning_rate": "<= 0.2", "seed": [1, 2]}], 2),
        ([{"learning_rate": "!= 0.1"}, {"seed": 1}], 1),
        ([{"topology": "4-2-4", "seed": 2}], 3),
        ([{"topology": [[4, 2, 4], "4-2-4"], "seed": 2}], 3),
        ([{"topology": [4, 2, 4], "seed": 2}], 3),
        ([{"optimizer.momentum": "> 0.9"}], 6),
        ([{"optimizer.momentum": 0, "seed": 1}], 3),
        ([{"activation": "!= sigmoid"}], 6),
        ([{"batch_size": None, "seed": 1}], 3),
        ([{"optimizer_beta1": "> 0"}], 6),
        ([{"convergence.max_epochs": ">= 100", "seed": 1}], 3),
    ],
)
def test_excluded_combinations_are_dropped(exclude: list[Any], left: int) -> None:
    grid = {"learning_rate": [0.1, 0.2, 0.3], "seed": [1, 2], "exclude": exclude}
    assert len(trials_of(grid=grid)) == left


def test_data_that_do_not_go_with_a_topology_may_be_excluded() -> None:
    grid = {
        "dataset": {"name": "one-hot", "size": [4, 8]},
        "topology": ["4-2-4", "8-3-8"],
        "exclude": [
            {"dataset": "one-hot-4", "topology": "8-3-8"},
            {"dataset": ["one-hot-8"], "topology": [[4, 2, 4]]},
        ],
    }
    assert values_of("dataset", grid=grid) == ["one-hot-4", "one-hot-8"]


def test_replicates_are_seeds_from_the_fixed_one() -> None:
    assert values_of("seed", fixed={"seed": 7}, grid={"replicates": 3}) == [7, 8, 9]
    assert values_of("seed", grid={"replicates": 2}) == [0, 1]


def test_united_grids_hold_a_trial_once() -> None:
    grid = [{"seed": [1, 2, 3]}, {"seed": [3, 4]}, {"learning_rate": [0.1, 0.1], "seed": [1]}]
    grid = [{"learning_rate": 0.1, **block} for block in grid]
    assert values_of("seed", grid=grid) == [1, 2, 3, 4]


def test_parameters_may_be_given_in_one_grid_and_another_in_the_next() -> None:
    tree = small(grid=[{"activation": "relu"}, {"activation": ["tanh", "elu"]}])
    trials = list(expand(parse_config(tree)))
    assert [trial.activation for trial in trials] == ["relu", "tanh", "elu"]


def test_a_grid_too_large_is_refused_before_it_is_made() -> None:
    span = {"linear": {"from": 1, "to": 2, "count": 10_000}}
    with pytest.raises(ConfigError, match="must hold at most 10,000,000"):
        parse_config(small(grid={"learning_rate": span, "bias_constant": span}))


AXES: dict[str, list[Any]] = {
    "topology": ["4-2-4", "8-3-8", "4-4-4"],
    "activation": ["sigmoid", "leaky_relu", {"name": "elu", "alpha": [1, 2]}],
    "output_activation": ["sigmoid", "softmax"],
    "initialiser": ["xavier_normal", {"name": "uniform", "constant": [0.5, 1], "jitter": 0.1}],
    "bias_constant": [0, 0.1],
    "seed": [0, 1, 2],
    "loss": ["mean_squared_error", {"name": "binary_cross_entropy", "semantics": ["keras"]}],
    "weight_decay": [0, 1e-3],
    "optimizer": [
        "adam",
        "rprop",
        {"name": "sgd", "momentum": [0, 0.9]},
        {"name": "sgd", "momentum": 0.9, "nesterov": True},
        {"name": "rmsprop", "epsilon_inside": [True, False]},
    ],
    "learning_rate": [0.1, 0.01],
    "learning_rate_schedule": ["constant", {"name": "cosine", "period": 10}],
    "batch_size": [None, 2, 8],
    "sample_order": ["fixed", "shuffled"],
    "dtype": ["float32", "float64"],
    "convergence": [
        {"max_epochs": 10},
        {"delta": {"tolerance": [1e-3, 1e-4]}, "max_epochs": 10},
        {"epochs": [5, 6]},
    ],
}
EXCLUSIONS = [
    {"learning_rate": ">= 0.1", "seed": "> 0"},
    {"bias_constant": "> 0", "weight_decay": "> 0"},
    {"optimizer.momentum": "> 0"},
    {"convergence.delta.tolerance": "< 1e-3", "batch_size": "< 4"},
]


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a few axes of a few values, with exclusions."""
    names = draw(st.lists(st.sampled_from(sorted(AXES)), unique=True, min_size=1, max_size=4))
    block: dict[str, Any] = {}
    for name in names:
        values = st.lists(st.sampled_from(AXES[name]), min_size=1, max_size=3)
        block[name] = draw(values)
    if "sample_order" in block:
        block["batch_size"] = [None, 2]
    block["exclude"] = draw(st.lists(st.sampled_from(EXCLUSIONS), max_size=2))
    return block


@settings(max_examples=60, deadline=None)
@given(st.lists(grids(), min_size=1, max_size=2))
def test_identities_of_cells_are_those_of_their_trials(blocks: list[dict[str, Any]]) -> None:
    tree = small(grid=blocks)
    defaults = {"topology": "4-2-4", "activation": "relu", "output_activation": "sigmoid"}
    defaults |= {"initialiser": "dl4j_xavier", "loss": "mean_squared_error"}
    defaults |= {"optimizer": "adam", "learning_rate": 0.5}
    for block in tree["grid"]:
        for name, value in defaults.items():
            if name not in block and name not in tree["fixed"]:
                block[name] = value
        if "convergence" not in block and "convergence" not in tree:
            block["convergence"] = {"max_epochs": 3}
    assume(not faults_of(tree))  # such as a grid excluded to nothing
    grid = expand(parse_config(tree))
    cells = grid.cells
    trials = list(grid)
    assert [f"{i:016x}" for i in cells.trial_ids.tolist()] == [t.trial_id for t in trials]
    assert [f"{i:016x}" for i in cells.path_ids.tolist()] == [t.path_id for t in trials]
    assert [grid.pack_keys[k] for k in cells.keys.tolist()] == [t.pack_key for t in trials]
    assert cells.max_epochs.tolist() == [t.max_epochs for t in trials]
    assert len({t.trial_id for t in trials}) == len(trials)
    assert {t.data_fingerprint for t in trials} <= set(grid.datasets)
