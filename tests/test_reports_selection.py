"""A reader gets the rows and columns asked for, and is told what is near where there are none."""

import numpy as np
import pandas as pd
import pytest

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
        ("not x < 2.5", [2]),
        ("name = 'b' or n >= 4", [1, 3]),
        ("n is null", [1]),
        ("not on", [1]),
        ("x = n", [0, 2]),
        ("1 < 2", [0, 1, 2, 3]),
        ("1 > 2", []),
    ],
)
def test_a_condition_keeps_the_rows_of_a_data_frame(condition: str, rows: list[int]) -> None:
    assert select_rows(FRAME, condition).index.tolist() == rows


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
    ("condition", "told"),
    [
        ("learning_rate == 0.002", "nearest learning_rate: 0.001, 0.00316228, 0.1"),
        ("activation == 'rleu'", "nearest activation: 'relu', 'sigmoid', 'tanh'"),
        ("epochs in (20, 500)", "nearest epochs: 30, 3, 300 and 1 more"),
        ("epochs > 5 and activation == 'elu'", "nearest activation: 'relu', 'sigmoid', 'tanh'"),
        ("EPOCHS = 20", "nearest epochs: 30, 3, 300 and 1 more"),
        ("epochs > 5 and activation = 'relu'", ""),  # each alone is met
    ],
)
def test_a_condition_that_nothing_meets_names_the_nearest_values(condition: str, told: str) -> None:
    assert select_rows(ROOTS, condition).empty
    assert explain_no_match(ROOTS, condition) == told
