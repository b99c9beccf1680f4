"""A ladder answers what another rule would have said, and a plateau is not taken for an end."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.components.stopping import MONITORED
from sweep.config import load_config
from sweep.errors import ConfigError, StoreError
from sweep.ladder import Rung
from sweep.reports.false_convergence import mark_false_convergence
from sweep.reports.rejudging import find_rung, read_judged, rejudge, resume_command
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result

ROOT = Path(__file__).parents[1]
RUNG = Rung("delta", 1e-6, 10)
OWN = {"delta_tolerance": 1e-7, "delta_patience": 1}


def ladder_of(
    *rungs: tuple[str, float, int, int, float], monitors: Sequence[str] = ("loss",)
) -> dict[str, dict[str, np.ndarray]]:
    names = ("rule", "tolerance", "patience", "epoch", "loss")
    columns = dict(zip(names, map(np.array, zip(*rungs, strict=True)), strict=True))
    monitor = np.resize(np.array(monitors, object), len(rungs))
    return {"ladder": columns | {"rule": columns["rule"].astype(object), "monitor": monitor}}


def frames_of(*results: TrialResult) -> tuple[pd.DataFrame, pd.DataFrame]:
    batch = table_set_of(results, "study")
    return batch.trials.to_pandas(), batch.tables["ladder"].to_pandas()


def loss_of(loss: float) -> dict[str, float]:
    return {"final_loss": loss, "best_loss": loss}


MET_BEFORE = make_result(
    seed=1,
    epochs=900,
    details=ladder_of(("delta", 1e-6, 10, 400, 0.5), ("delta", 1e-6, 1, 380, 0.6)),
    **OWN,
)
HELD_OUT = make_result(
    seed=6,
    epochs=900,
    details=ladder_of(
        ("delta", 1e-6, 10, 400, 0.5), ("delta", 1e-6, 10, 300, 0.7), monitors=MONITORED
    ),
    outcome={"validation_loss": 0.9},
    **OWN,
)
NOT_MET = make_result(
    StopReason.TARGET,
    seed=2,
    epochs=700,
    target_loss=0.3,
    details=ladder_of(("loss", 0.3, 0, 9, 0.2)),
)
GONE_WRONG = make_result(StopReason.DIVERGED, seed=3, epochs=50, **OWN)
MET_BY_ITSELF = make_result(
    seed=4,
    epochs=300,
    details=ladder_of(("delta", 1e-6, 10, 300, 0.2501)),
    delta_tolerance=1e-6,
    delta_patience=10,
)
RESULTS = (MET_BEFORE, NOT_MET, GONE_WRONG, MET_BY_ITSELF)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResultsDir:
    """The results of the sweep `study`, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return store(Path("results/study"), *RESULTS)


def store(path: Path, *results: TrialResult) -> ResultsDir:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, "study"))
    return ResultsDir(path)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_epochs_and_losses_become_those_of_the_rung() -> None:
    judged = rejudge(*frames_of(*RESULTS), RUNG)
    assert judged["seed"].tolist() == [1, 2, 3, 4]
    assert judged["epochs"].tolist() == [400, 700, 50, 300]
    assert judged["final_loss"].tolist() == [0.5, 0.25, 0.25, 0.25]
    assert judged["stop_reason"].tolist() == ["converged", "max_epochs", "diverged", "converged"]
    assert judged["status"].tolist() == ["finished", "finished", "diverged", "finished"]
    assert set(judged["delta_tolerance"]) == {1e-6}
    assert judged["target_loss"].isna().all()


def test_what_is_known_of_the_end_alone_is_unknown_of_a_rung_before_it() -> None:
    judged = rejudge(*frames_of(*RESULTS), RUNG)
    assert judged["samples_reconstructed"].isna().tolist() == [True, False, False, False]
    assert judged["seconds_share"].isna().tolist() == [True, False, False, False]


def test_a_loss_to_come_down_to_is_a_target() -> None:
    judged = rejudge(*frames_of(NOT_MET), Rung("loss", 0.3, 0))
    row = judged.iloc[0]
    assert (row["epochs"], row["final_loss"], row["stop_reason"]) == (9, 0.2, "target")


def test_trials_along_one_path_are_judged_as_one() -> None:
    short = make_result(StopReason.EPOCHS, epochs=10, fixed_epochs=10, max_epochs=10)
    long = make_result(details=ladder_of(("delta", 1e-6, 10, 80, 0.5)), **OWN)
    judged = rejudge(*frames_of(short, long), RUNG)
    assert judged["trial_id"].tolist() == [long.trial.trial_id]
    assert judged["epochs"].tolist() == [80]


def test_a_cancelled_training_is_judged_only_where_it_met_the_rung() -> None:
    short = make_result(StopReason.EPOCHS, epochs=10, fixed_epochs=10, max_epochs=10)
    met = make_result(StopReason.CANCELLED, details=ladder_of(("delta", 1e-6, 10, 60, 0.5)), **OWN)
    unmet = make_result(StopReason.CANCELLED, details=ladder_of(("loss", 0.3, 0, 9, 0.2)), **OWN)
    row = rejudge(*frames_of(short, met), RUNG).iloc[0]
    assert (row["status"], row["stop_reason"], row["epochs"]) == ("finished", "converged", 60)
    row = rejudge(*frames_of(short, unmet), RUNG).iloc[0]
    assert (row["status"], row["stop_reason"], row["epochs"]) == ("finished", "max_epochs", 10)


def test_paths_that_were_cancelled_are_not_counted_as_judged(study: ResultsDir) -> None:
    store(study.path, make_result(StopReason.CANCELLED, seed=9, **OWN))
    found = call("results", "study", "--rule", "delta", "--tolerance", "1e-6", "--patience", "10")
    assert "met by 2 of 4 paths, not met by 1 in up to 700 epochs" in found.stderr
    assert found.stderr.startswith("Left out: 1 cancelled.\n")


def test_a_training_that_met_the_rung_before_it_diverged_has_met_it() -> None:
    late = make_result(StopReason.DIVERGED, details=ladder_of(("delta", 1e-6, 10, 60, 0.5)), **OWN)
    row = rejudge(*frames_of(late), RUNG).iloc[0]
    assert (row["status"], row["stop_reason"], row["epochs"]) == ("finished", "converged", 60)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ("delta", 3e-6, 1),
            "--tolerance must be on the ladder (got 3e-06; the nearest are 1e-06 and 1e-05)",
        ),
        (
            ("delta", 0.5, 1),
            "--tolerance must be on the ladder (got 0.5; the nearest is 0.01)",
        ),
        (
            ("early_stopping", 1e-6, 50),
            "--patience must be on the ladder (got 50; the nearest are 10 and 100)",
        ),
        (
            ("loss", 0.2, None),
            "--tolerance must be on the ladder (got 0.2; the nearest are 0.1 and 0.316)",
        ),
        (("loss", 0.1, 1), "--patience must be left out with --rule loss (got 1)"),
    ],
)
def test_a_rule_off_the_ladder_is_refused_with_the_nearest(
    asked: tuple[str, float, int | None], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        find_rung(*asked)
    assert str(caught.value) == f"command line: {message}"


def test_a_rung_is_found_by_its_decimals() -> None:
    assert find_rung("delta", 0.000001, 10) == RUNG
    assert find_rung("early_stopping", 1e-7) == Rung("early_stopping", 1e-7, 1)
    assert find_rung("loss", 0.0316) == Rung("loss", 0.0316, 0)


@pytest.mark.parametrize("rung", [RUNG, Rung("early_stopping", 1e-9, 100), Rung("loss", 1e-4, 0)])
def test_the_command_to_train_on_asks_for_the_rung_alone(rung: Rung) -> None:
    command = resume_command(ResultsDir(Path("nowhere")), rung, 4000)
    assert command.startswith("sweep run CONFIG 'convergence={")
    override = command.partition("'")[2].rstrip("'")
    config = load_config(ROOT / "configs/quickstart.yaml", [override])
    assert config.convergence
    (rule,) = config.convergence
    assert rule.max_epochs == [40000]
    asked = {
        "delta": rule.delta and (rule.delta.tolerance, rule.delta.patience),
        "early_stopping": rule.early_stopping
        and (rule.early_stopping.min_delta, rule.early_stopping.patience),
        "loss": rule.target and (rule.target.loss, [0]),
    }
    expected = ([rung.tolerance], [rung.patience])
    assert asked == {name: expected if name == rung.rule else None for name in asked}


def test_results_are_judged_anew_on_the_command_line(study: ResultsDir) -> None:
    options = ["--rule", "delta", "--tolerance", "1e-6", "--patience", "10"]
    result = call("results", "study", *options, "--columns", "seed,epochs,stop_reason")
    assert result.exit_code == 0
    assert result.stdout.split() == [
        *("seed", "epochs", "stop_reason"),
        *("1", "400", "converged", "2", "700", "max_epochs"),
        *("3", "50", "diverged", "4", "300", "converged"),
    ]
    assert result.stderr == (
        "delta 1e-06, patience 10: met by 2 of 4 paths, not met by 1 in up to 700 epochs; "
        "to train these on:\nsweep run CONFIG "
        "'convergence={delta: {tolerance: 1e-06, patience: 10}, max_epochs: 7000}'\n"
    )


@pytest.mark.slow
def test_a_report_says_by_which_rule_it_judges(study: ResultsDir) -> None:
    options = ["--rule", "delta", "--tolerance", "1e-6", "--patience", "10"]
    assert call("report", "study", *options).exit_code == 0
    text = (study.report / "report.md").read_text()
    assert "## Judged by delta 1e-06, patience 10" in text
    assert "met by 2 of 4 paths" in text
    assert "| not met by epoch 700 |" in text
    assert "$ sweep run CONFIG 'convergence={delta: {tolerance: 1e-06, patience: 10}" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rule", "delta"], "--rule and --tolerance must be given together"),
        (["--patience", "10"], "--rule and --tolerance must be given together"),
        (["--rule", "delta", "--tolerance", "2e-6"], "the nearest are 1e-06 and 1e-05"),
        (["--rule", "gamma", "--tolerance", "1e-6"], "'gamma' is not one of"),
    ],
)
@pytest.mark.parametrize("command", ["results", "report"])
def test_a_wrong_rule_is_wrong_input(
    study: ResultsDir, command: str, options: list[str], message: str
) -> None:
    result = call(command, "study", *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_results_without_ladders_cannot_be_judged_anew(tmp_path: Path) -> None:
    directory = store(tmp_path, make_result())
    with pytest.raises(StoreError, match="must hold ladders"):
        read_judged(directory, RUNG)


def test_a_converged_trial_far_above_another_seed_converged_falsely() -> None:
    losses = {1: 0.2338, 2: 1e-4, 3: 0.9e-3, 4: 1.1e-3}
    results = [make_result(seed=s, outcome=loss_of(loss)) for s, loss in losses.items()]
    results.append(make_result(seed=5, activation="tanh", outcome=loss_of(0.2338)))
    results.append(make_result(StopReason.MAX_EPOCHS, seed=6, outcome=loss_of(0.2338)))
    results.append(make_result(StopReason.DIVERGED, seed=7, outcome=loss_of(1e-9)))
    marked = mark_false_convergence(frames_of(*results)[0])
    # only trials that met a rule of standing still, and only ten times above one that finished
    assert marked["false_convergence"].tolist() == [True, False, False, True, False, False, False]


def test_a_converged_trial_far_above_its_own_path_trained_longer_converged_falsely() -> None:
    early = make_result(epochs=400, delta_tolerance=1e-3, outcome=loss_of(0.2338))
    late = make_result(epochs=9000, delta_tolerance=1e-7, outcome=loss_of(1e-4))
    lower = make_result(epochs=10, delta_tolerance=1e-2, seed=1, outcome=loss_of(1e-4))
    higher = make_result(epochs=20, delta_tolerance=1e-3, seed=1, outcome=loss_of(0.5))
    marked = mark_false_convergence(frames_of(early, late, lower, higher)[0])
    # the second path was lower before its end, not after
    assert marked["false_convergence"].tolist() == [True, False, False, False]


def test_a_rung_on_the_plateau_of_its_own_training_is_marked(tmp_path: Path) -> None:
    plateau = make_result(
        epochs=9000,
        outcome=loss_of(1e-4),
        details=ladder_of(("delta", 1e-6, 10, 400, 0.2338)),
        **OWN,
    )
    directory = store(tmp_path, plateau)
    assert read_judged(directory)["false_convergence"].tolist() == [False]
    assert read_judged(directory, RUNG)["false_convergence"].tolist() == [True]


def test_a_ladder_ends_a_training_where_a_trial_with_that_rule_ended(tmp_path: Path) -> None:
    loose = {"delta": {"tolerance": 1e-4, "patience": 10}, "max_epochs": 3000}
    tight = {"delta": {"tolerance": 1e-6, "patience": 10}, "max_epochs": 3000}
    ends = []
    for name, rule in (("loose", loose), ("tight", tight)):
        config = small_sweep(convergence=rule)
        sweep.run(config, output=tmp_path / name, use_ray=False)
        ends.append(ResultsDir(tmp_path / name))
    own = read_judged(ends[0]).set_index("path_id")
    judged = read_judged(ends[1], Rung("delta", 1e-4, 10)).set_index("path_id").loc[own.index]
    assert judged["epochs"].tolist() == own["epochs"].tolist()
    assert judged["stop_reason"].tolist() == own["stop_reason"].tolist()
    # the loss of the last epoch, which the final loss follows by one update
    np.testing.assert_allclose(judged["final_loss"], own["final_loss"], atol=1e-4)
    assert own["epochs"].nunique() > 1


@pytest.mark.slow
def test_false_convergence_is_shown_where_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    results = [
        make_result(seed=s, learning_rate=lr, outcome=loss_of(loss))
        for s, lr, loss in [(1, 0.1, 0.2338), (2, 0.1, 1e-4), (1, 0.2, 1e-4), (2, 0.2, 2e-4)]
    ]
    directory = store(Path("results/study"), *results)
    shown = call("results", "study", "--where", "false_convergence").stdout.splitlines()
    assert shown[0].split()[-1] == "false_convergence"
    assert shown[1].split()[-1] == "true"
    assert len(shown) == 2
    assert call("report", "study").exit_code == 0
    text = (directory.report / "report.md").read_text()
    assert "1 of 4 converged trials met their rule on a plateau" in text
    assert "| learning\\_rate | 0.1 | 2 | 1 | 50% |\n| learning\\_rate | 0.2 | 2 | 0 | 0% |" in text


def test_a_rung_of_the_held_out_loss_tells_that_loss_alone() -> None:
    rung = find_rung("delta", 1e-6, 10, "validation_loss")
    row = rejudge(*frames_of(HELD_OUT), rung).iloc[0]
    assert (row["epochs"], row["validation_loss"], row["delta_monitor"]) == (
        300,
        0.7,
        "validation_loss",
    )
    assert pd.isna(row["final_loss"])
    plain = rejudge(*frames_of(HELD_OUT), RUNG).iloc[0]
    assert (plain["epochs"], plain["final_loss"], plain["delta_monitor"]) == (400, 0.5, "loss")
    assert pd.isna(plain["validation_loss"])
    assert "monitor: validation_loss" in resume_command(ResultsDir(Path("r")), rung, 900)
