"""YAML becomes a plain tree with places, or faults; never a traceback."""

import pickle
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sweep.config import parse_config
from sweep.config.yaml_source import Document, dotted, parse_document, read_text, write_yaml
from sweep.errors import ConfigError, Fault


def faults(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, source="a.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-7", 1e-7),
        ("1", 1),
        ("012", 12),
        ("0x10", 16),
        (".5", 0.5),
        ("-1.", -1.0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("on", "on"),
        ("yes", "yes"),
        ("16-5-16", "16-5-16"),
        ("2001-01-01", "2001-01-01"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ('"1"', "1"),
        ("!!str 1", "1"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = parse_document(text, source="a.yaml").tree
    assert found == value
    assert type(found) is type(value)


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
@example({"a": ["1e-5", "0o17", "no", "2026-11-21", "<<", "~", ".inf", "1_000", "\ud7ff\u20ac"]})
@example({"a": [1e-5, 1e22, 1e-300, float("inf"), -0.0, 5e-324]})
def test_what_is_written_is_read_back_as_it_was(tree: object) -> None:
    found = parse_document(write_yaml(tree), source="a.yaml").tree
    assert repr(found) == repr(tree)


def test_every_value_knows_its_line() -> None:
    document = parse_document("a:\n  b:\n    - 1\n    - 2\nc: 3\n", source="a.yaml")
    assert document.where(("a", "b", 1)) == "a.yaml:4"
    assert document.where(("c",)) == "a.yaml:5"
    assert document.where(("a", "b", 1, "deeper")) == "a.yaml:4"


def test_a_key_without_value_is_placed_at_the_key() -> None:
    assert parse_document("a: 1\nb:\n\nc: 2", source="a.yaml").where(("b",)) == "a.yaml:2"


def test_all_duplicate_keys_are_faults() -> None:
    assert faults("a: 1\nb: {c: 1, c: 2}\na: 3\n").splitlines() == [
        "a.yaml:2: b.c must be given once (got a duplicate key)",
        "a.yaml:3: a must be given once (got a duplicate key)",
    ]


def test_merge_keys_do_not_override_what_is_written() -> None:
    text = "base: &b {x: 1, y: 2}\nmore: {<<: *b, y: 3}\n"
    assert parse_document(text, source="a.yaml").tree["more"] == {"x": 1, "y": 3}


def test_an_alias_to_itself_is_a_fault() -> None:
    assert "not contain itself" in faults("a: &a [1, *a]")
    assert "merge (<<) only other mappings" in faults("a: &a {<<: *a}")


def test_an_explosion_of_aliases_is_a_fault() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    assert "hold at most 200,000 values" in faults("\n".join(lines))


@pytest.mark.parametrize("depth", [50, 5_000])
def test_nesting_without_end_is_a_fault(depth: int) -> None:
    assert "nested at most 40 levels deep" in faults("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    ("text", "line"), [("a: [1,\nb: 2", 2), ("a: 1\n\tb: 2", 2), ("a: b: c", 1), ("\x00", 1)]
)
def test_broken_syntax_is_a_fault_with_its_line(text: str, line: int) -> None:
    assert faults(text).startswith(f"a.yaml:{line}: must be valid YAML")


def test_python_objects_are_refused() -> None:
    assert "must be text, a number, true, false or null" in faults("a: !!python/name:os.system x")


def test_files_that_cannot_be_read_are_faults(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: 1\nb: \xff\n")
    for path, message in [
        (tmp_path / "none.yaml", "no such file or directory"),
        (tmp_path, "is a directory"),
        (bad, f"{bad}:2: must be UTF-8 text"),
    ]:
        with pytest.raises(ConfigError, match="must") as caught:
            parse_document(read_text(path), source=str(path))
        assert message in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_document_or_faults(text: str) -> None:
    try:
        found: object = parse_document(text, source="a.yaml")
    except ConfigError as error:
        found = error.faults[0]
    assert isinstance(found, Document | Fault)


def test_paths_are_written_as_users_read_them() -> None:
    assert dotted(("grid", 0, "learning_rate", 2)) == "grid[0].learning_rate[2]"


@pytest.mark.parametrize(
    "scalar",
    [
        "0x" + "f" * 10_000,
        "0o" + "7" * 10_000,
        "9" * 5_000,
        "-" + "9" * 5_000,
        "!!int 0b" + "1" * 20_000,
        "!!int 190:20:30",
        "!!timestamp 2001-99-99",
        "!!binary x",
        "!!bool 1",
        "!!float 1:30.5",
        '"\\UFFFFFFFF"',
        '"\\uD800"',
    ],
)
@pytest.mark.parametrize("text", ["a: {}", "fixed: {{seed: [{}]}}", "{}"])
def test_a_scalar_that_python_cannot_convert_is_one_short_line(text: str, scalar: str) -> None:
    (line,) = faults(text.format(scalar)).splitlines()
    assert line.startswith("a.yaml:1: ")
    assert len(line) < 160


def test_a_directive_that_python_cannot_convert_is_one_short_line() -> None:
    (line,) = faults(f"%YAML 1.{'9' * 5_000}\n---\na: 1").splitlines()
    assert line.startswith("a.yaml:1: must be valid YAML")


def test_a_whole_number_may_have_4300_digits() -> None:
    assert parse_document("9" * 4_300, source="a.yaml").tree == 10**4_300 - 1


def test_a_whole_number_too_long_is_a_fault_in_python_too() -> None:
    with pytest.raises(ConfigError, match=r"a whole number of at most 4,300 digits"):
        parse_config({"name": "a", "fixed": {"seed": 10**4_300}})


def test_half_a_character_in_text_is_a_fault() -> None:
    assert "must be valid YAML" in faults("a: \ud800")


def test_faults_reach_another_process_as_they_are() -> None:
    faults = [
        Fault(where=f"a.yaml:{line}", key="grid", must="be one of", got="0") for line in (1, 2)
    ]
    copied = pickle.loads(pickle.dumps(ConfigError(faults)))
    assert copied.faults == tuple(faults)
    assert (
        str(copied)
        == "a.yaml:1: grid must be one of (got 0)\na.yaml:2: grid must be one of (got 0)"
    )
