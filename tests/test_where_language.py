"""Claims: `--where` is the language of tests/where_cases.json, and errors say what to write."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.errors import ConfigError
from sweep.querying.condition import Condition

DOCUMENT = json.loads((Path(__file__).parent / "where_cases.json").read_text("utf-8"))
TYPES = {"integer": pa.int64(), "float": pa.float64(), "text": pa.string(), "truth": pa.bool_()}


def table_of(description: Any) -> pa.Table:
    """Return a table of the cases."""
    schema = pa.schema([(name, TYPES[kind]) for name, kind in description["columns"].items()])
    columns = zip(*description["rows"], strict=True)
    arrays = [pa.array(c, item.type) for c, item in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


TABLES = {name: table_of(description) for name, description in DOCUMENT["tables"].items()}
SMALL = TABLES["small"]


def kept(table: pa.Table, where: str) -> list[int]:
    rows: list[int] = Condition(where).matching(table)["id"].to_pylist()
    return rows


@pytest.mark.parametrize(
    "case",
    [case for case in DOCUMENT["cases"] if "ids" in case],
    ids=lambda case: case["where"],
)
def test_a_condition_keeps_the_rows_for_which_it_is_true(case: Any) -> None:
    assert kept(TABLES[case["table"]], case["where"]) == case["ids"]


@pytest.mark.parametrize(
    "case",
    [case for case in DOCUMENT["cases"] if "error" in case],
    ids=lambda case: case["where"],
)
def test_what_is_no_condition_is_told_in_one_line(case: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        kept(TABLES[case["table"]], case["where"])
    told = str(caught.value)
    assert told.startswith("--where: must ")
    assert case["error"] in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "text",
    [
        "not " * 5000 + "on",
        "(" * 5000 + "on" + ")" * 5000,
        "-" * 50_000 + "x > 1",
        "x" + " + 1" * 50_000 + " > 1",
        "x < " * 5000 + "1",
    ],
)
def test_no_nesting_breaks_a_condition(text: str) -> None:
    with pytest.raises(ConfigError, match="--where: must"):
        kept(SMALL, text)


def test_deep_but_sensible_conditions_hold() -> None:
    assert kept(SMALL, "(" * 40 + "x = 1" + ")" * 40) == [0]
    assert kept(SMALL, " or ".join(f"x = {n}" for n in range(400, 0, -1))) == [0, 1, 2]
    assert kept(SMALL, f"n in ({', '.join(map(str, range(3, 9000)))})") == [2, 3]


@settings(max_examples=30)
@given(
    st.text(max_size=30) | st.text("x=<>!'\"()1.e-+*/% andornotinbetweenlikeisnull,", max_size=30)
)
def test_no_text_breaks_a_condition(text: str) -> None:
    with suppress(ConfigError):
        kept(SMALL, text)


@pytest.mark.parametrize("other", [0.001, 0.00316228, 1234.56, -5e-324, 1e300, 0.0])
def test_of_two_numbers_one_is_less_or_they_are_equal(other: float) -> None:
    numbers = np.random.default_rng(0)
    near = other * (1 + 10.0 ** -numbers.uniform(1, 16, 500) * numbers.choice([-1, 1], 500))
    bits = np.frombuffer(numbers.bytes(8 * 500), np.float64)
    values = np.concatenate([near, bits[np.isfinite(bits)], [other]])
    table = pa.table({"id": range(len(values)), "x": values})
    found = [kept(table, f"x {sign} {other!r}") for sign in ("<", "=", ">")]
    assert sorted(row for rows in found for row in rows) == list(range(len(values)))
    as_shown = [n for n, x in enumerate(values) if x == other or float(f"{x:.6g}") == other]
    assert found[1] == as_shown


def test_what_is_not_a_number_is_missing_and_infinity_is_not() -> None:
    table = pa.table({"id": range(3), "loss": [np.nan, np.inf, 1.0]})
    assert kept(table, "loss > 0.5") == [1, 2]
    assert kept(table, "loss is null") == [0]
    assert kept(table, "loss - loss is null") == [0, 1]


def test_times_compare_with_texts_in_utc() -> None:
    times = pa.array([0, 1_767_225_600_000_000, None], pa.timestamp("us", tz="UTC"))
    table = pa.table({"id": range(3), "started": times, "again": times})
    assert kept(table, "started >= '2026-01-01'") == [1]
    assert kept(table, "started < '2026-01-01 01:00+01:00'") == [0]
    assert kept(table, "started = again") == [0, 1]
    with pytest.raises(ConfigError, match="must compare a time with one such as"):
        kept(table, "started < 'soon'")


def test_texts_as_categories_and_hostile_names_are_what_they_are() -> None:
    texts = pa.array(["a", "'; drop", None]).dictionary_encode()
    table = pa.table({"id": range(3), 'x"; select 1 --': texts, "lists": [[1], [2], [3]]})
    assert kept(table, "\"x\"\"; select 1 --\" = '''; drop'") == [1]
    assert kept(table, '"x""; select 1 --" != \'none of these\'') == [0, 1]
    with pytest.raises(ConfigError, match="must compare single values"):
        kept(table, "lists = 1")


def test_a_condition_reads_no_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for text in (f"name = read_text('{tmp_path}/secret')", f"x in (from '{tmp_path}/secret')"):
        with pytest.raises(ConfigError, match="--where: must"):
            kept(SMALL, text)
