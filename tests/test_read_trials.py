"""Claims: a notebook meets what varied and what came out, and can ask for all the rest."""

from pathlib import Path

import pytest

import sweep
from sweep.errors import ConfigError
from sweep.reports.tables.reading import default_columns
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.schema import SCHEMAS
from sweep.store.tables.writer import Writer
from sweep.trial import PARAMETERS, StopReason
from tests.store_fixtures import make_result

OUTCOME = ["status", "stop_reason", "epochs", "final_loss", "samples_reconstructed", "seconds"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two optimizers of three learning rates in two parts; one has options of its own."""
    folder = tmp_path_factory.mktemp("study")
    adam = {"optimizer": "adam", "optimizer_rho": None, "optimizer_beta1": 0.9}
    for options in ({}, adam):
        with Writer(ResultsDir(folder)) as writer:
            rates = [make_result(learning_rate=n / 10, epochs=n, **options) for n in (1, 2, 3)]
            writer.append(encode(rates, "study"))
    return folder


def test_what_varied_and_what_came_out_are_read_by_default(study: Path) -> None:
    trials = sweep.read_trials(study)
    assert list(trials.columns) == ["trial_id", "optimizer", "learning_rate", *OUTCOME]
    assert trials["learning_rate"].tolist() == [0.1, 0.2, 0.3] * 2


def test_an_option_of_several_values_is_told(study: Path, tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as writer:
        rates = [make_result(optimizer_rho=rho, seed=n) for n, rho in enumerate((0.8, 0.9))]
        adam = make_result(optimizer="adam", optimizer_rho=None)
        writer.append(encode([adam, *rates], "study"))
    assert list(sweep.read_trials(tmp_path).columns[1:4]) == ["seed", "optimizer", "optimizer_rho"]


def test_all_has_the_rest(study: Path) -> None:
    trials = sweep.read_trials(study, columns="all")
    assert list(trials.columns) == SCHEMAS["trials"].names
    assert str(trials["finished"].dtype) == "datetime64[us, UTC]"
    assert str(trials["batch_size"].dtype) == "Int64"


def test_hyperparameters_that_are_the_same_in_all_are_there_when_asked_for(study: Path) -> None:
    trials = sweep.read_trials(study, varying=False)
    assert list(trials.columns) == ["trial_id", *PARAMETERS, *OUTCOME]
    assert set(trials["activation"]) == {"sigmoid"}


def test_rows_and_columns_are_those_asked_for(study: Path) -> None:
    where = "optimizer = 'adam' and learning_rate >= 0.2"
    assert sweep.read_trials(study, where=where)["epochs"].tolist() == [2, 3]
    assert list(sweep.read_trials(study, where="false").columns) == default_columns(study)
    chosen = sweep.read_trials(study, where=where, columns=["epochs", "host", "epochs"])
    assert chosen.to_dict("list") == {"epochs": [2, 3], "host": ["here", "here"]}
    assert list(sweep.read_trials(study, columns="epochs").columns) == ["epochs"]


def test_losses_held_out_and_errors_are_told_where_there_are_any(tmp_path: Path) -> None:
    results = [
        make_result(seed=1, outcome={"validation_loss": 0.5}),
        make_result(StopReason.FAILED, seed=2, outcome={"error": "out of memory"}),
        make_result(seed=3, restore="best", outcome={"weights_epoch": 7}),
    ]
    with Writer(ResultsDir(tmp_path)) as writer:
        writer.append(encode(results, "study"))
    columns = list(sweep.read_trials(tmp_path).columns)
    assert columns[columns.index("epochs") :] == [
        "epochs",
        "weights_epoch",
        "validation_loss",
        "final_loss",
        "samples_reconstructed",
        "seconds",
        "error",
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"where": "epoch > 1"}, "where: must name a column (got 'epoch'; did you mean 'epochs'?)"),
        (
            {"where": "epochs == None"},
            "where: must be SQL, not Python (got 'epochs == None'; write ",
        ),
        (
            {"columns": ["epoch"]},
            "columns: must name a column (got 'epoch'; did you mean 'epochs'?)",
        ),
        ({"columns": "some"}, "columns: must name a column (got 'some'"),
    ],
)
def test_what_is_not_there_is_told(study: Path, asked: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sweep.read_trials(study, **asked)
    assert str(caught.value).startswith(told)
