"""Published figures stand beside ours, and readings are ranked by how near they come."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from sweep.cli.main import main
from sweep.errors import ConfigError
from sweep.reports.false_convergence import mark_false_convergence
from sweep.reports.published import MATCHES, Published, bundled_names, load_published
from sweep.result import Curve, TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.writer import Writer
from sweep.studies.publications.readings import compare, pair_trials
from sweep.trial import PARAMETERS, StopReason
from tests.store_fixtures import make_result

RUNS = """
configuration,run,topology,hidden_activation,initial_weight,epochs,final_loss,runtime_min,reconstructs,doubtful
1,1,4-2-4,sigmoid,1.0,1000,1e-3,2,yes,
1,2,4-2-4,sigmoid,0.5,,1e-4,,yes,
2,1,4-3-4,relu,1.0,100,0.5,,no,a misprint
""".lstrip()
UNIFORM, CONSTANT = {"initialiser": "uniform"}, {"initialiser": "constant"}


def frame_of(*results: TrialResult) -> pd.DataFrame:
    trials: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return mark_false_convergence(trials)


def run(
    loss: float, epochs: int, *, solved: int = 4, minutes: float = 0.75 / 60, **changes: object
) -> TrialResult:
    outcome = {"final_loss": loss, "best_loss": loss, "samples_reconstructed": solved}
    return make_result(outcome=outcome, epochs=epochs, **changes)


FIRST = {"topology": (4, 2, 4), "initialiser_constant": 1.0}
SECOND = {"topology": (4, 2, 4), "initialiser_constant": 0.5}
THIRD = {"topology": (4, 3, 4), "initialiser_constant": 1.0, "activation": "relu"}
NEAR = [
    *[run(1e-2, 1000 * k, seed=k, **FIRST, **UNIFORM) for k in (1, 10, 100)],
    run(1e-4, 77, **SECOND, **UNIFORM),
    run(5.0, 1000, solved=0, **THIRD, **UNIFORM),
]
FAR = [
    run(1.0, 10, solved=0, **FIRST, **CONSTANT),
    run(1e-1, 77, solved=4, **SECOND, **CONSTANT),
    run(0.5, 100, solved=0, **THIRD, **CONSTANT),
]


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A published table, in the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("runs.csv").write_text(RUNS)
    return Path("runs.csv")


def store(*results: TrialResult) -> ResultsDir:
    directory = ResultsDir(Path("results/study"))
    with Writer(directory) as writer:
        writer.append(encode(results, "study"))
    return directory


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_every_column_matched_by_is_one_of_trials() -> None:
    assert set(MATCHES.values()) <= {*PARAMETERS, "algorithm"}
    assert bundled_names() == [
        "encoder_epochs",
        "keras_mnist_losses",
        "zhang2017_codes",
        "zhang2017_runs",
    ]


def test_a_bundled_table_is_loaded_by_its_name() -> None:
    published = load_published("zhang2017_runs")
    assert len(published.rows) == 25
    assert published.keys == [
        "topology",
        "hidden_activation",
        "output_activation",
        "initial_weight",
    ]
    assert [item.title for item in published.measures] == ["epochs", "final loss", "minutes"]
    assert published.rows["epochs"].isna().sum() == 1
    (doubtful,) = published.rows.dropna(subset=["doubtful"])["final_loss"]
    assert doubtful == 0.0531


def test_published_words_become_those_of_the_trials() -> None:
    rows = load_published("keras_mnist_losses").rows
    assert set(rows["loss"]) == {"binary_cross_entropy"}
    assert set(rows["optimizer"]) == {"adadelta"}


def test_what_was_not_read_at_its_source_is_left_out() -> None:
    published = load_published("encoder_epochs")
    assert set(published.rows["problem"]) == {"8-3-8"}
    assert published.unchecked == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wrong.csv: must be a table as CSV (No columns to parse from file)"),
        ("a,b\n1,2\n", "must have a column to match trials by: topology, "),
        ("topology,b\n4-2-4,2\n", "must have a column to compare: epochs, "),
        ("topology,epochs\n4-2-4,many\n", "must hold numbers in its column epochs (got 'many')"),
        ("topology,train_loss\n4-2-4,1\n", "must have a column epoch beside train_loss"),
    ],
)
def test_a_wrong_table_is_said_plainly(table: Path, text: str, message: str) -> None:
    Path("wrong.csv").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_published("wrong.csv")
    assert message in str(caught.value)


def test_bytes_are_no_table(table: Path) -> None:
    Path("wrong.csv").write_bytes(b"\xff\x00\xfe")
    with pytest.raises(ConfigError, match=r"wrong.csv: must be a table as CSV"):
        load_published("wrong.csv")


def test_a_table_that_is_not_there_gets_the_nearest_name(table: Path) -> None:
    store(*NEAR)
    result = call("report", "study", "--against", "zhang2017_run")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "--against: must name a CSV file or one of encoder_epochs, keras_mnist_losses, "
        "zhang2017_codes, zhang2017_runs (got 'zhang2017_run'; did you mean 'zhang2017_runs'?)\n"
    )


def test_trials_that_match_nothing_are_said_plainly(table: Path) -> None:
    directory = store(make_result(topology=(9, 9, 9)))
    result = call("report", "study", "--against", "runs.csv")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"--against runs.csv: must describe a run of {directory.path} by topology, "
        "hidden_activation, initial_weight (got no trial that matches; its topology is one of "
        "4-2-4, 4-3-4)\n"
    )


def test_readings_are_ranked_by_their_distance(table: Path) -> None:
    published = load_published("runs.csv")
    found = compare(published, pair_trials(published, frame_of(*NEAR, *FAR)))
    assert found.dimensions == ["initialiser"]
    readings = found.readings
    assert readings["initialiser"].tolist() == ["uniform", "constant"]
    assert readings["runs"].tolist() == [3, 3]
    # uniform: epochs 10000/1000 and 1000/100; losses 1e-2/1e-3, 1 and 5/0.5
    assert readings["epochs"].iloc[0] == pytest.approx((1 + 1) / 2)
    assert readings["final loss"].iloc[0] == pytest.approx((1 + 0 + 1) / 3)
    assert readings["mismatches"].tolist() == pytest.approx([0, 1 / 3])
    assert readings["distance"].iloc[0] == pytest.approx((1 + 2 / 3) / 2)
    # constant: epochs 10/1000 and 1; losses 1e3, 1e3 and 1; the first is not reconstructed
    assert readings["distance"].iloc[1] == pytest.approx((1 + 2) / 2 + 1 / 3)
    # without the doubtful third run
    assert readings["distance_sure"].iloc[0] == pytest.approx((1 + 1 / 2) / 2)
    assert readings["distance_sure"].iloc[1] == pytest.approx((2 + 3) / 2 + 1 / 2)
    assert readings["rank_sure"].tolist() == [1, 2]


def test_ours_is_the_median_over_seeds_with_its_range(table: Path) -> None:
    published = load_published("runs.csv")
    found = compare(published, pair_trials(published, frame_of(*NEAR, *FAR)))
    first = found.runs.loc[(found.readings.index[0], 0)]
    assert first[["trials", "epochs", "epochs_low", "epochs_high"]].tolist() == [
        *(3, 10_000, 1000, 100_000)
    ]
    assert first["minutes"] == pytest.approx(0.75 / 60)


def test_a_trial_that_diverged_or_failed_is_a_mismatch_and_no_median(table: Path) -> None:
    published = load_published("runs.csv")
    bad = [
        make_result(StopReason.DIVERGED, seed=7, epochs=2, outcome={"final_loss": 9.0}, **THIRD),
        make_result(StopReason.FAILED, seed=8, epochs=1, **THIRD),
        run(0.5, 100, solved=0, seed=9, **THIRD),
        run(0.5, 100, solved=4, seed=10, **THIRD),
    ]
    found = compare(published, pair_trials(published, frame_of(*bad)))
    (only,) = found.runs.to_dict("records")
    assert (only["trials"], only["epochs"], only["final loss"]) == (4, 100, 0.5)
    assert only["mismatches"] == 0.75
    assert found.readings["distance"].tolist() == [0.75]


def test_a_reading_that_covers_more_runs_comes_first(table: Path) -> None:
    published = load_published("runs.csv")
    few = run(1e-3, 1000, **FIRST, **CONSTANT)
    found = compare(published, pair_trials(published, frame_of(few, *NEAR)))
    assert found.readings["initialiser"].tolist() == ["uniform", "constant"]
    assert found.readings["distance"].iloc[1] == 0


def test_what_follows_from_the_run_is_no_reading(table: Path) -> None:
    published = load_published("runs.csv")
    trials = frame_of(
        run(1e-3, 1000, fixed_epochs=1000, **FIRST), run(1e-4, 50, fixed_epochs=50, **SECOND)
    )
    assert compare(published, pair_trials(published, trials)).dimensions == []


def test_another_output_activation_is_another_reading() -> None:
    published = load_published("zhang2017_runs")
    shape = {"topology": (16, 5, 16), "initialiser_constant": 1.0}
    trials = frame_of(
        run(1e-6, 30_000, solved=16, **shape, delta_tolerance=1e-7, delta_patience=1, **CONSTANT),
        run(1e-2, 30_000, solved=16, output_activation="softmax", **shape, **CONSTANT),
    )
    found = compare(published, pair_trials(published, trials))
    assert "output_activation" in found.dimensions
    assert found.readings["output_activation"].tolist() == ["as published", "softmax"]
    assert found.literal == found.readings.index[0]


@pytest.mark.slow
def test_a_report_shows_the_best_reading_and_the_literal_one(table: Path) -> None:
    rule = {"delta_tolerance": 1e-7, "delta_patience": 1}
    shape = {"topology": (16, 5, 16), "initialiser_constant": 0.8}
    literal = [run(0.2338, 1352, solved=0, seed=s, **shape, **rule, **CONSTANT) for s in (1, 2)]
    near = [run(2e-6, 22_000 + s, solved=16, seed=s, **shape, **rule, **UNIFORM) for s in (1, 3)]
    relu = run(
        0.5,
        3000,
        solved=0,
        topology=(16, 8, 4, 8, 16),
        initialiser_constant=0.8,
        activation="relu",
        output_activation="relu",
        **rule,
    )
    directory = store(*literal, *near, relu)
    assert call("report", "study", "--against", "zhang2017_runs").exit_code == 0
    text = (directory.report / "report.md").read_text()
    assert "2 of 25 published rows are matched, by 5 trials" in text
    assert "### The best reading\n\ninitialiser uniform" in text
    assert "### The literal reading\n\ninitialiser constant" in text
    row = "| 2 | 100% | 28180 | 22002 (22001 to 22003) | 0.781 | 4.63e-06 | 2e-06 | 0.432 | - |"
    assert row in text
    assert "| 100% | 28180 | 1352 | 0.048 | 4.63e-06 | 0.234 | 5.05e+04 |" in text
    assert "- configuration 5, run 2: printed so; perhaps a misprint for 0.531" in text
    assert "| without doubtful | rank without |" in text
    assert (directory.report / "report_figures" / "published.png").is_file()


def test_the_loss_of_an_epoch_is_read_from_the_curve(table: Path) -> None:
    keras = {
        "topology": (784, 32, 784),
        "activation": "relu",
        "optimizer": "adadelta",
        "batch_size": 256,
    }
    result = make_result(epochs=60, **keras)
    curve = Curve(
        phase=np.zeros(4, np.int8),
        epoch=np.array([1, 46, 51, 60]),
        loss=np.array([0.4, 0.125, 0.11, 0.1]),
        validation_loss=np.array([0.3, 0.25, 0.12, 0.1]),
    )
    short = make_result(seed=1, epochs=10, **keras)
    results = [TrialResult(**{**vars(result), "curve": curve}), short]
    directory = store(*results)
    assert call("report", "study", "--against", "keras_mnist_losses").exit_code == 0
    text = (directory.report / "report.md").read_text()
    assert "3 of 6 published rows are matched, by 2 trials" in text
    # epoch 46 is the last recorded by 50, and near enough; the short one has not come so far
    assert "| 0.11 | 0.125 | 1.14 | 0.11 | 0.25 | 2.27 |" in text
    assert "| 0.376 | 0.7 (0.4 to 1) | 1.86 | 0.273 | 0.3 | 1.1 |" in text


@pytest.mark.slow
def test_epochs_of_the_encoder_stand_beside_our_survival(table: Path) -> None:
    encoder = {"topology": (8, 3, 8), "optimizer": "sgd", "optimizer_rho": None}
    quick = [
        make_result(StopReason.PATTERN, seed=s, epochs=100 * s, learning_rate=2.0, **encoder)
        for s in range(1, 6)
    ]
    slow = [
        make_result(StopReason.PATTERN, seed=s, epochs=9000, learning_rate=0.1, **encoder)
        for s in range(1, 6)
    ]
    moving = make_result(learning_rate=0.8, optimizer_momentum=0.6, **encoder)
    directory = store(*quick, *slow, moving)
    assert call("report", "study", "--against", "encoder_epochs").exit_code == 0
    text = (directory.report / "report.md").read_text()
    assert "3 more rows, unchecked at their source, are left out." in text
    assert "| 750 | learning\\_rate 2 | 5 | 100% (57% to 100%) | 300 (200 to 400) | 0.4 |" in text
    assert "| 300 | fewer than 5 seeds | - | - | - | - |" in text
    assert "10-5-10" not in text


def test_published_figures_are_told_by_what_tells_them_apart(table: Path) -> None:
    published = load_published("runs.csv")
    assert isinstance(published, Published)
    assert published.labels == [
        *("configuration", "run", "topology", "hidden_activation", "initial_weight")
    ]
