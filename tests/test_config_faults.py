"""A wrong sweep file gets all its faults at once, each with its place and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.components.registry import ACTIVATIONS
from sweep.config import SweepConfig, load_config
from sweep.config.faults import ELSEWHERE, SYNONYMS
from sweep.config.load import json_schema
from sweep.errors import ConfigError
from tests.sweepfiles import faults_of, small

WRONG = """\
name: wrong/name
dataset: {name: one-hot, size: 16}
fixed:
  loss: {name: binary_cross_entropy, semantics: kears}
  optimizer: {name: rmsprop, rh: 0.9}
  learning_rate: [1e-3, 2]
  output_activation: rleu
grid:
  topology: [16-5-16, 4-2-4, 16]
  learning_rate_schedule: {name: step, factor: 0.5}
  initialiser: {name: uniform, jitter: -1}
  exclude: [{optimiser.rho: 4}]
convergence:
  early_stopping: {min_delta: 1e-7, patience: 0}
sede: 1
"""


def test_all_faults_come_at_once_with_their_lines() -> None:
    faults = [str(fault) for fault in faults_of(WRONG)]
    assert faults == [
        "sweep:1: name must be 1 to 100 letters, digits, '.', '_' or '-', not starting with '.' or "
        "'-' (got 'wrong/name')",
        "sweep:4: fixed.loss.semantics must be one of keras, torch, logits (got 'kears'; did you "
        "mean 'keras'?)",
        "sweep:5: fixed.optimizer.rh must be one of name, rho, momentum, centered, epsilon, "
        "epsilon_inside, decay (got 'rh'; did you mean 'rho'?)",
        "sweep:6: fixed.learning_rate must hold one value (got 2 values; put what should vary in "
        "grid)",
        f"sweep:7: fixed.output_activation must be one of {', '.join(sorted(ACTIVATIONS))} or "
        "package.module:name (got 'rleu'; did you mean 'relu'?)",
        "sweep:8: activation must be given, in fixed or in grid",
        "sweep:9: grid.topology[2] must be at least two widths, such as 16-4-16 or [16, 4, 16] "
        "(got 16)",
        "sweep:10: grid.learning_rate_schedule.period must be given",
        "sweep:11: grid.initialiser.constant must be given",
        "sweep:11: grid.initialiser.jitter must be >= 0 (got -1)",
        "sweep:12: grid.exclude[0].optimiser.rho must name a parameter (got 'optimiser.rho'; did "
        "you mean 'optimizer_rho'?)",
        "sweep:14: convergence.early_stopping.patience must be >= 1 (got 0)",
        "sweep:15: sede must be one of name, description, dataset, fixed, grid, search, "
        "convergence, scheduler, resources, record (got 'sede'; did you mean 'scheduler'?)",
    ]


UNFIT = """\
name: unfit
dataset: {name: one-hot, size: 4}
fixed:
  topology: 4-2-4
  activation: tanh
  output_activation: sigmoid
  initialiser: {name: uniform, constant: 1}
  loss: mean_squared_error
  optimizer: sgd
  learning_rate: 0.1
  normalisation: batch
  sparsity: {name: kl, target: 0.05, weight: 3}
grid:
  batch_size: [2, 3, 64]
  contractive_penalty: [0, 0.1]
convergence: {epochs: 5}
"""


def test_what_cannot_be_combined_comes_at_once_with_its_lines() -> None:
    found = [str(fault).partition(" must ")[0] for fault in faults_of(UNFIT)]
    assert found == [
        "sweep:11: fixed.normalisation",
        "sweep:12: fixed.sparsity",
        "sweep:14: grid.batch_size[2]",
        "sweep:15: grid.contractive_penalty[1]",
    ]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            {"fixed": {"seed": 2**63 - 1}, "grid": {"replicates": 2}},
            "grid.replicates must have a last seed <= 9223372036854775807",
        ),
        ({"grid": {"learning_rate": [0.1, 0]}}, "grid.learning_rate[1] must be > 0 (got 0)"),
        ({"grid": {"learning_rate": "fast"}}, "grid.learning_rate must be a number (got 'fast')"),
        ({"grid": {"learning_rate": []}}, "grid.learning_rate must hold at least 1 value(s)"),
        ({"grid": {"learning_rate": True}}, "grid.learning_rate must be a number (got true)"),
        ({"fixed": {"learning_rate": float("nan")}}, "must be finite"),
        ({"fixed": {"learning_rate": float("inf")}}, "must be finite"),
        ({"fixed": {"seed": 1.5}}, "fixed.seed must be a whole number (got 1.5)"),
        ({"fixed": {"seed": -1}}, "fixed.seed must be >= 0 (got -1)"),
        ({"fixed": {"seed": 2**63}}, "fixed.seed must be <= 9223372036854775807"),
        ({"grid": {"replicates": 1e15}}, "grid.replicates must be <= 1000000"),
        ({"fixed": {"learning_rate": 10**400}}, "fixed.learning_rate must be a number"),
        ({"fixed": {"topology": "60000-2-60000"}}, "dataset must hold at most 20,000,000 numbers"),
        ({"fixed": {"topology": "4-0-4"}}, "have widths that are whole numbers from 1"),
        ({"fixed": {"topology": "4"}}, "at least two widths"),
        (
            {"fixed": {"topology": [5, 2, 4]}},
            "fixed.topology must begin with 5 and end with 5 for data set one-hot-5 (got 5-2-4)",
        ),
        (
            {"fixed": {"optimizer": {"name": "sgd", "nesterov": True}}},
            "fixed.optimizer must have momentum > 0 and dampening 0 with nesterov",
        ),
        (
            {"fixed": {"initialiser": "uniform"}},
            "fixed.initialiser.constant must be given",
        ),
        (
            {"fixed": {"initialiser": "identity"}},
            "must have no width below the input's 4 with initialiser identity (got 4-2-4)",
        ),
        (
            {"fixed": {"loss": "binary_cross_entropy", "output_activation": "relu"}},
            "give {name: binary_cross_entropy, semantics: keras}, which clips",
        ),
        (
            {"grid": {"batch_size": [2, 5], "topology": ["4-2-4", "4-1-4"]}},
            "grid.batch_size[1] must be at most 4, the samples that one-hot-4 trains on (got 5; "
            "null for all of them)",
        ),
        (
            {"fixed": {"batch_size": 3, "normalisation": "batch"}},
            "fixed.normalisation must meet batches of two samples or more, the last included (got "
            "batch_size 3 of 4 samples; one sample has no variance; choose another batch_size)",
        ),
        ({"fixed": {"input_dropout": 1}}, "fixed.input_dropout must be < 1 (got 1)"),
        ({"fixed": {"sample_order": "shuffled"}}, "be full_batch where no batch_size is given"),
        (
            {"fixed": {"sample_order": "full_batch", "batch_size": 2}},
            "be fixed or shuffled where batch_size is given",
        ),
        ({"convergence": {"delta": {"tolerance": 1}}}, "hold max_epochs (or epochs)"),
        ({"convergence": {}}, "hold max_epochs (or epochs)"),
        (
            {"fixed": {"seed": [1, 2]}},
            "fixed.seed must hold one value (got 2 values; put what should vary in grid)",
        ),
        (
            {"grid": {"zip": ["learning_rate", "seed"], "learning_rate": [1], "seed": [1, 2]}},
            "equally many values (got learning_rate has 1, seed has 2)",
        ),
        (
            {"grid": {"zip": ["learning_rate", "sede"], "learning_rate": [1, 2]}},
            "grid.zip must name parameters of this grid (got sede)",
        ),
        (
            {"grid": {"seed": [1, 2], "replicates": 3}},
            "grid.replicates must not stand beside a list of seeds",
        ),
        (
            {"dataset": {"name": "uniform", "samples": 3, "features": 4, "low": 2}},
            "dataset must have low < high, not 2.0 and 1.0",
        ),
        ({"dataset": {"name": "vectors", "values": [[1, 2], [3]]}}, "all of one length"),
        ({"dataset": "vectors"}, "dataset.values must be given"),
        ({"dataset": "one-hto"}, "did you mean 'one-hot'?"),
        ({"resources": {"checkpoint_seconds": 31}}, "must be <= 30 (got 31)"),
        (
            {"grid": {"learning_rate": {"log": {"from": 0, "to": 1, "count": 3}}}},
            "grid.learning_rate must have from and to > 0 in log",
        ),
        (
            {"grid": {"learning_rate": {"log": {"from": 1, "to": 2}}}},
            "must hold exactly from, to and count under log",
        ),
        (
            {"fixed": {"activation": "no_such_module:f"}},
            "must name a Python module that can be imported",
        ),
        (
            {"fixed": {"activation": "yaml:no_such_name"}},
            "must name something defined at the top of module yaml",
        ),
        (
            {"fixed": {"activation": "os:system"}},
            "fixed.activation must name code of your own, not of Python's standard library",
        ),
        ({"fixed": {"loss": "builtins:exec"}}, "fixed.loss must name code of your own"),
        ({"fixed": {"initialiser": "os.path:join"}}, "fixed.initialiser must name code of your"),
        (
            {"dataset": {"name": "os:system", "options": {"command": "touch it"}}},
            "dataset must name code of your own, not of Python's standard library (got os:system)",
        ),
    ],
)
def test_a_fault_says_what_must_hold(changes: dict[str, Any], fault: str) -> None:
    assert fault in "\n".join(map(str, faults_of(small(**changes))))


def test_a_parameter_in_fixed_and_in_grid_is_a_fault() -> None:
    tree = small(fixed={"seed": 1})
    tree["grid"] = {"seed": [1, 2]}
    assert "grid.seed must be in grid or be fixed, not both" in str(faults_of(tree)[0])


def test_a_clash_that_is_excluded_is_none() -> None:
    grid = {
        "loss": "binary_cross_entropy",
        "output_activation": ["sigmoid", "relu"],
        "exclude": [{"loss": "binary_cross_entropy", "output_activation": "relu"}],
    }
    assert faults_of(small(grid=grid)) == ()


def test_values_that_never_meet_do_not_clash() -> None:
    grid = [
        {"topology": "4-2-4", "initialiser": "xavier_normal"},
        {"topology": "4-4-4", "initialiser": "identity"},
    ]
    assert faults_of(small(grid=grid)) == ()


def test_a_grid_excluded_to_nothing_is_a_fault_at_its_exclude() -> None:
    for exclude in (
        "[{activation: sigmoid}]",
        "[{topology: 4-2-4}]",
        "[{dataset: one-hot-4}]",
        "[{seed: 1}, {seed: '> 1', learning_rate: '<= 0.1'}]",
    ):
        text = json.dumps(small(grid={"seed": [1, 2]}))[:-1]
        text = text.replace('"grid": {', '"grid": {\n"exclude": ' + exclude + ",") + "}"
        (fault,) = faults_of(text)
        assert str(fault) == "sweep:2: grid must leave at least one trial"


def test_a_grid_of_several_excluded_to_nothing_is_a_fault() -> None:
    grid = [{"seed": 1}, {"seed": 2, "exclude": [{"seed": 2}]}]
    assert [fault.must for fault in faults_of(small(grid=grid))] == ["leave at least one trial"]


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        (
            {"activation": "sigmod"},
            "must be a value that some trial has (got 'sigmod'; did you mean 'sigmoid'?)",
        ),
        ({"activation": ["relu", "tnah"]}, "activation[1] must be a value that some trial has"),
        ({"activation": "!= sigmod"}, "(got 'sigmod'; did you mean 'sigmoid'?)"),
        ({"learning_rate": "0.1"}, "(got '0.1'; its values are 0.1, 0.2)"),
        ({"dataset": "one-hto-4"}, "did you mean 'one-hot-4'?"),
    ],
)
def test_a_condition_on_a_misspelt_value_is_a_fault(condition: dict[str, Any], fault: str) -> None:
    grid = {"activation": ["sigmoid", "relu", "tanh"], "learning_rate": [0.1, 0.2]}
    (excluded,) = faults_of(small(grid={**grid, "exclude": [condition]}))
    (sent,) = faults_of(small(grid=grid, resources={"gpu": {"where": [condition]}}))
    for found, place in ((excluded, "grid.exclude[0]"), (sent, "resources.gpu.where[0]")):
        assert str(found).startswith(f"sweep: {place}.")
        assert fault in str(found)


@pytest.mark.parametrize(
    "condition",
    [
        {"activation": "selu"},
        {"learning_rate": 0.5},
        {"topology": "8-3-8"},
        {"optimizer.nesterov": True},
    ],
)
def test_a_condition_may_be_on_a_value_that_an_override_took_out(condition: dict[str, Any]) -> None:
    assert faults_of(small(grid={"activation": ["sigmoid", "relu"], "exclude": [condition]})) == ()


def test_a_condition_may_name_a_batch_of_all_samples_as_the_file_does() -> None:
    grid = {"batch_size": [2, 4], "exclude": [{"batch_size": 4}]}
    assert faults_of(small(grid=grid)) == ()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"fixed": {"initialiser": {"name": "uniform", "constnt": 1}}}, "initialiser.constnt"),
        ({"fixed": {"actvation": "relu"}}, "fixed.actvation"),
        ({"nmae": "small"}, "nmae"),
        ({"convergense": {"max_epochs": 3}}, "convergense"),
    ],
)
def test_a_key_misspelt_is_not_missed_too(changes: dict[str, Any], key: str) -> None:
    tree = small(**changes)
    meant = {"actvation": "activation"}.get(key.rpartition(".")[2], "")
    tree["fixed"].pop(meant, None)
    for name in {"nmae": ["name"], "convergense": ["convergence"]}.get(key, []):
        del tree[name]
    (fault,) = faults_of(tree)
    assert fault.key.endswith(key)
    assert "did you mean" in str(fault.hint)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"fixed": {"lr": 0.1}}, "did you mean 'learning_rate'?"),
        ({"grid": {"init": "identity"}}, "did you mean 'initialiser'?"),
        ({"grid": {"seeds": 3}}, "did you mean 'replicates'?"),
        ({"grid": {"epochs": 10}}, "give convergence.epochs"),
        ({"grid": {"patience": 10}}, "give convergence.early_stopping.patience"),
        ({"fixed": {"momentum": 0.9}}, "give optimizer.momentum"),
        ({"fixed": {"seeds": 3}}, "give grid.replicates"),
        ({"fixed": {"wd": 0.1}}, "did you mean 'weight_decay'?"),
    ],
)
def test_a_key_by_another_name_points_to_ours(changes: dict[str, Any], hint: str) -> None:
    (fault,) = faults_of(small(**changes))
    assert fault.hint == hint


def test_every_other_name_points_to_a_key_that_there_is() -> None:
    schema = json_schema()
    keys = {key for block in schema["$defs"].values() for key in block.get("properties", {})}
    keys |= set(schema["properties"])
    assert set(SYNONYMS.values()) <= keys
    assert {step for place in ELSEWHERE.values() for step in place.split(".")} <= keys


def test_a_key_by_another_name_is_not_missed_too() -> None:
    tree = small(fixed={"lr": 0.1})
    del tree["fixed"]["learning_rate"]
    (fault,) = faults_of(tree)
    assert fault.key == "fixed.lr"


def test_faults_of_overrides_name_the_command_line() -> None:
    (fault,) = faults_of(small(), "fixed.learning_rate=-1")
    assert str(fault) == "command line: fixed.learning_rate must be > 0 (got -1)"


@pytest.mark.parametrize("text", ["", "[1, 2]", "just text", "3"])
def test_a_file_that_is_no_mapping_is_one_fault(text: str) -> None:
    (fault,) = faults_of(text)
    assert "hold a mapping with name" in str(fault)


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "constant", "log", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PLACES = [
    "name",
    "dataset",
    "fixed",
    "fixed.topology",
    "fixed.initialiser",
    "fixed.optimizer",
    "fixed.learning_rate",
    "grid",
    "grid.seed",
    "grid.zip",
    "grid.exclude",
    "grid.replicates",
    "convergence",
    "resources.gpu",
]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), trees)
def test_no_value_anywhere_gives_a_traceback(place: str, value: Any) -> None:
    tree = small(grid={})
    node = tree
    *parents, last = place.split(".")
    for parent in parents:
        node = node.setdefault(parent, {})
    node[last] = value
    for fault in faults_of(tree):
        assert "Value error" not in str(fault)
        assert "be right:" not in str(fault)


def test_a_file_is_loaded_with_its_folder_searched_for_plugins(tmp_path: Path) -> None:
    (tmp_path / "my_sweep_plugin.py").write_text("raise SystemExit\ndef swish(x): return x\n")
    tree = small(fixed={"activation": "my_sweep_plugin:swish"})
    file = tmp_path / "sweep.yaml"
    file.write_text(json.dumps(tree))
    config = load_config(file)
    assert config.fixed.activation
    assert config.fixed.activation[0].name.startswith("my_sweep_plugin:swish@")
    again = SweepConfig.model_validate(config.model_dump(exclude_unset=True))
    assert again == config


def test_an_absent_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.yaml")


def test_the_schema_describes_every_property() -> None:
    schema = json_schema()
    objects = [schema, *schema["$defs"].values()]
    undescribed = [
        (thing.get("title"), name)
        for thing in objects
        for name, value in thing.get("properties", {}).items()
        if not value.get("description")
    ]
    assert undescribed == []
