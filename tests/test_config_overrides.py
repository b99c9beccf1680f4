"""Overrides change a document as if the file had said so."""

from typing import Any

import pytest

from sweep.config.overrides import apply_overrides
from sweep.config.yaml_source import parse_document
from sweep.errors import ConfigError
from tests.sweepfiles import faults_of, small


def changed(text: str, *overrides: str) -> Any:
    return apply_overrides(parse_document(text, source="a.yaml"), overrides).tree


def test_values_are_read_as_yaml() -> None:
    tree = changed("a: {b: 1}", "a.b=[0.1, 1e-3]", "a.c={d: true}", "e=")
    assert tree == {"a": {"b": [0.1, 1e-3], "c": {"d": True}}, "e": None}


def test_missing_mappings_are_made_even_in_an_empty_file() -> None:
    assert changed("", "a.b.c=1") == {"a": {"b": {"c": 1}}}
    assert changed("a:", "a.b=1") == {"a": {"b": 1}}


def test_numbers_index_lists() -> None:
    assert changed("a: [{b: 1}, {b: 2}]", "a.1.b=3") == {"a": [{"b": 1}, {"b": 3}]}


def test_the_place_of_an_override_is_the_command_line() -> None:
    document = apply_overrides(parse_document("a: {b: 1}\nc: 2", source="a.yaml"), ["a.b=[1, 2]"])
    assert document.where(("a", "b", 1)) == "command line"
    assert document.where(("a",)) == "a.yaml:1"


def test_the_document_given_stays_as_it_was() -> None:
    document = parse_document("a: {b: 1}", source="a.yaml")
    apply_overrides(document, ["a.b=2"])
    assert document.tree == {"a": {"b": 1}}


def test_wrong_overrides_are_all_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        changed("a: [1]\nb: 2", "a", "=1", "a.7=1", "b.c=1", "b=[1", "a.x=1")
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "command line: override 'a' must be of the form KEY=VALUE, "
        "such as grid.learning_rate=[0.1,0.01]"
    )
    assert lines[2] == "command line: override 'a.7=1' must name an item of a: 0 to 0"
    assert lines[3] == (
        "command line: override 'b.c=1' must go through mappings and lists only; b is 2"
    )
    assert lines[4].startswith("command line: override 'b=[1' must be valid YAML")
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("text", "override", "tree"),
    [
        (
            "fixed: {loss: a, seed: 1}",
            "grid.loss=[b, c]",
            "{fixed: {seed: 1}, grid: {loss: [b, c]}}",
        ),
        ("grid: {loss: [a, b], seed: 1}", "fixed.loss=c", "{fixed: {loss: c}, grid: {seed: 1}}"),
        ("fixed: {loss: a}", "grid={loss: [b, c]}", "{fixed: {}, grid: {loss: [b, c]}}"),
        ("convergence: {epochs: 1}", "grid.convergence=[a, b]", "{grid: {convergence: [a, b]}}"),
        ("fixed: {dataset: a}", "dataset=b", "{fixed: {}, dataset: b}"),
        ("dataset: a", "fixed.dataset=b", "{fixed: {dataset: b}}"),
        ("grid: {seed: [1, 2]}", "grid.replicates=3", "{grid: {replicates: 3}}"),
        ("fixed: {seed: 5}", "grid.replicates=3", "{fixed: {seed: 5}, grid: {replicates: 3}}"),
        ("grid: {replicates: 3}", "grid.seed=[1, 2]", "{grid: {seed: [1, 2]}}"),
        ("grid: {seed: [1, 2]}", "fixed.seed=null", "{grid: {seed: [1, 2]}, fixed: {seed: null}}"),
        ("fixed: {seed: null}", "grid.seed=[1, 2]", "{fixed: {}, grid: {seed: [1, 2]}}"),
        ("grid: {replicates: 3}", "fixed.seed=5", "{fixed: {seed: 5}, grid: {replicates: 3}}"),
        (
            "grid: {loss: [a, b], seed: [1, 2], zip: [loss, seed]}",
            "fixed.loss=c",
            "{fixed: {loss: c}, grid: {seed: [1, 2], zip: []}}",
        ),
        (
            "grid: {loss: [a, b], seed: [1, 2], skip: [x, y], zip: [[loss, seed, skip]]}",
            "fixed.loss=c",
            "{fixed: {loss: c}, grid: {seed: [1, 2], skip: [x, y], zip: [[seed, skip]]}}",
        ),
    ],
)
def test_an_override_replaces_the_parameter_wherever_it_stood(
    text: str, override: str, tree: str
) -> None:
    assert changed(text, override) == changed(tree)


def test_an_override_of_a_part_moves_the_parameter_to_where_it_names_it() -> None:
    fixed = "fixed: {optimizer: {name: sgd, momentum: 0.9, nesterov: true}}"
    assert changed(fixed, "grid.optimizer.momentum=[0.5, 0.9]") == {
        "fixed": {},
        "grid": {"optimizer": {"name": "sgd", "momentum": [0.5, 0.9], "nesterov": True}},
    }
    grids = "grid: [{convergence: {epochs: 3}}, {convergence: {epochs: 4}}]"
    with pytest.raises(ConfigError, match="must give convergence as a whole"):
        changed(grids, "convergence.max_seconds=5")


def test_an_override_of_the_grid_is_of_every_grid_of_a_list() -> None:
    text = "{fixed: {loss: a}, grid: [{seed: 1}, {seed: 2, loss: [b, c]}]}"
    assert changed(text, "grid.loss=[d, e]") == {
        "fixed": {},
        "grid": [{"seed": 1, "loss": ["d", "e"]}, {"seed": 2, "loss": ["d", "e"]}],
    }
    assert changed(text, "fixed.loss=d") == {
        "fixed": {"loss": "d"},
        "grid": [{"seed": 1}, {"seed": 2}],
    }


def test_an_override_of_one_grid_leaves_the_others_the_fixed_value() -> None:
    text = "{fixed: {loss: a}, grid: [{seed: 1}, {seed: 2}, {loss: z}]}"
    assert changed(text, "grid.0.loss=[d, e]") == {
        "fixed": {},
        "grid": [{"seed": 1, "loss": ["d", "e"]}, {"seed": 2, "loss": "a"}, {"loss": "z"}],
    }


def test_what_an_override_moves_keeps_its_place_in_the_file() -> None:
    text = "fixed:\n  optimizer:\n    name: sgd\n    momentum: -1\n"
    override = "grid.optimizer.nesterov=[true, false]"
    document = apply_overrides(parse_document(text, source="a.yaml"), [override])
    assert document.where(("grid", "optimizer", "momentum")) == "a.yaml:4"
    assert document.where(("grid", "optimizer", "nesterov")) == "command line"


def test_the_last_override_of_a_parameter_holds() -> None:
    overrides = ["grid.seed=[1, 2]", "fixed.seed=3", "grid.seed=[4, 5]"]
    assert changed("fixed: {seed: 0}", *overrides) == {"fixed": {}, "grid": {"seed": [4, 5]}}


def test_a_sweep_with_a_fixed_parameter_overridden_in_the_grid_is_valid() -> None:
    assert faults_of(small(), "grid.learning_rate=[0.1,0.01]", "fixed.topology=4-3-4") == ()
    assert faults_of(small(grid={"seed": [1, 2]}), "fixed.seed=7", "grid.replicates=2") == ()
