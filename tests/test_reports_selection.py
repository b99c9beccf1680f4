"""A reader gets the rows and columns asked for, and nothing can be run through a condition."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import ConfigError
from sweep.reports.axes import varying_parameters
from sweep.reports.tables.selection import Selection, select
from sweep.reports.where import explain_no_match, select_rows
from sweep.store.tables.encoding import table_set_of
from sweep.trial import StopReason
from tests.store_fixtures import make_result

FRAME = pd.DataFrame(
    {
        "name": ["a", "b", "c", None],
        "x": [1.0, 2.0, 3.0, np.nan],
        "n": pd.array([1, None, 3, 4], dtype="Int64"),
        "on": pd.array([True, False, None, True], dtype="boolean"),
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("x < 2.5", [0, 1]),
        ("x != 2", [0, 2]),
        ("not x < 2.5", [2, 3]),
        ("1 < x <= 3", [1, 2]),
        ("name == 'b' or n >= 4", [1, 3]),
        ("name in ['a', 'c'] and x > 1", [2]),
        ("name not in ('a', 'c')", [1]),
        ("n == None", [1]),
        ("n is not None", [0, 2, 3]),
        ("on", [0, 3]),
        ("not on", [1, 2]),
        ("x * 2 + 1 == 2 ** 2 - 1", [0]),
        ("-x < -2", [2]),
        ("x == n", [0, 2]),
        ("1 < 2", [0, 1, 2, 3]),
        ("1 > 2", []),
    ],
)
def test_a_condition_keeps_the_rows_where_it_holds(condition: str, rows: list[int]) -> None:
    assert select_rows(FRAME, condition).index.tolist() == rows


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('true')",
        "name.str.len() > 0",
        "[x for x in name]",
        "(lambda: 1)()",
        "x[0] > 1",
        "f'{x}' == 'a'",
        "(y := 1) == 1",
        "name if on else x",
        "@x > 1",
        "x >",
        "",
        "x",
        "'a'",
        "x < 'a'",
        "x and on",
        "not 3",
        "9 ** 9 ** 9 ** 9",
        "'a' * 10 ** 9 == name",
        "x in 3",
        "-name == 'a'",
        "b'a' == name",
        "not " * 5000 + "on",
        "(" * 5000 + "on" + ")" * 5000,
        "-" * 50_000 + "x > 1",
    ],
)
def test_anything_else_is_a_fault(condition: str) -> None:
    with pytest.raises(ConfigError, match="--where: must"):
        select_rows(FRAME, condition)


@given(st.text(max_size=30))
def test_no_text_breaks_a_condition(text: str) -> None:
    with suppress(ConfigError):
        select_rows(FRAME, text)


def test_an_unknown_column_gets_the_nearest_word() -> None:
    trials = table_set_of([make_result()], "study").trials.to_pandas()
    for wanted, where in [
        (Selection(where="final_los < 1"), "--where"),
        (Selection(sort=["-final_los"]), "--sort"),
        (Selection(columns=["final_los"]), "--columns"),
    ]:
        with pytest.raises(ConfigError) as caught:
            select(trials, wanted)
        assert str(caught.value) == (
            f"{where}: must name a column (got 'final_los'; did you mean 'final_loss'?)"
        )


def test_what_varies_is_shown_with_how_it_ended() -> None:
    results = [make_result(seed=s, learning_rate=lr) for s in (1, 2) for lr in (0.1, 0.2)]
    trials = table_set_of(results, "study").trials.to_pandas()
    assert varying_parameters(trials) == ["seed", "learning_rate"]
    assert list(select(trials, Selection()).columns) == [
        "trial_id",
        "seed",
        "learning_rate",
        "status",
        "stop_reason",
        "epochs",
        "final_loss",
        "samples_reconstructed",
        "seconds",
    ]
    assert list(select(trials, Selection(columns=["all"])).columns) == list(trials.columns)


def test_held_out_loss_is_shown_by_default_where_it_is_known() -> None:
    results = [make_result(seed=s, outcome={"validation_loss": 0.5}) for s in (1, 2)]
    trials = table_set_of(results, "study").trials.to_pandas()
    shown = list(select(trials, Selection()).columns)
    assert shown[shown.index("epochs") :][:3] == ["epochs", "validation_loss", "final_loss"]


def test_rows_are_sorted_before_the_top_is_taken() -> None:
    results = [make_result(seed=s, epochs=e) for s, e in [(1, 30), (2, 10), (3, 30), (4, 20)]]
    results.append(make_result(StopReason.FAILED, seed=5, epochs=50))
    trials = table_set_of(results, "study").trials.to_pandas()
    chosen = select(trials, Selection(sort=["-epochs", "seed"], columns=["seed"], top=3))
    assert chosen["seed"].tolist() == [5, 1, 3]
    chosen = select(trials, Selection(sort=["final_loss"], columns=["seed"]))
    assert chosen["seed"].tolist() == [1, 2, 3, 4, 5]


ROOTS = pd.DataFrame(
    {
        "learning_rate": [10**-2.5, 0.001, 0.1, np.nan],
        "loss": [0.00099999999, 0.001, 0.0010000049, 0.00100001],
        "activation": ["relu", "tanh", "sigmoid", None],
        "epochs": [3, 30, 300, 3000],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("learning_rate == 0.00316228", [0]),
        ("0.00316228 == learning_rate", [0]),
        ("learning_rate != 0.00316228", [1, 2]),
        ("learning_rate in [0.00316228, 0.1]", [0, 2]),
        ("learning_rate not in [0.00316228, 0.1]", [1]),
        ("learning_rate == 0.0031622776601683794", [0]),
        ("learning_rate == 0.0031622776601683790", []),  # more digits than are displayed are meant
        ("loss == 0.001", [0, 1, 2]),  # all are displayed so
        ("loss < 0.001", []),
        ("loss <= 0.001", [0, 1, 2]),
        ("loss > 0.001", [3]),
        ("loss >= 0.001", [0, 1, 2, 3]),
        ("loss * 1 == loss", [0, 1, 2, 3]),
    ],
)
def test_numbers_compare_as_they_are_displayed(condition: str, rows: list[int]) -> None:
    assert select_rows(ROOTS, condition).index.tolist() == rows


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_of_two_numbers_one_is_less_or_they_are_equal(values: list[float], other: float) -> None:
    frame = pd.DataFrame({"x": values})
    found = [select_rows(frame, f"x {sign} {other!r}").index for sign in ("<", "==", ">")]
    assert sorted(row for rows in found for row in rows) == frame.index.tolist()


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("learning_rate == 0.002", "nearest learning_rate: 0.001, 0.00316228, 0.1"),
        ("activation == 'rleu'", "nearest activation: 'relu', 'sigmoid', 'tanh'"),
        ("epochs in [20, 500]", "nearest epochs: 30, 3, 300 and 1 more"),
        ("epochs > 5 and activation == 'elu'", "nearest activation: 'relu', 'sigmoid', 'tanh'"),
        ("epochs > 5 and activation == 'relu'", ""),  # each alone is met
    ],
)
def test_a_condition_that_nothing_meets_names_the_nearest_values(condition: str, told: str) -> None:
    assert select_rows(ROOTS, condition).empty
    assert explain_no_match(ROOTS, condition) == told
