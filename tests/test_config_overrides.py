"""Overrides change a document as if the file had said so."""

from typing import Any

import pytest

from sweep.config.document import parse_document
from sweep.config.overrides import apply_overrides
from sweep.errors import ConfigError


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
