"""Claims: a replay says what a scheduler, or a rule, does to the same trials when it is run."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import sweep
from sweep.cli.main import main
from sweep.config.scheduler import Rungs
from sweep.config.scheduler_option import parse_scheduler
from sweep.errors import ConfigError, StoreError
from sweep.ladder import Rung
from sweep.reports.replay.courses import Courses
from sweep.reports.replay.replays import replay, replays, resample
from sweep.store.places.layout import ResultsDir
from tests.sweepfiles import small

ROOT = Path(__file__).parent.parent
RATES = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]
EARLY = {"early_stopping": {"min_delta": 1e-4, "patience": 10}, "max_epochs": 200}


def asked(**changes: Any) -> dict[str, Any]:
    grid = {"learning_rate": RATES, "replicates": 2}
    return small(**{"grid": grid, "convergence": {"max_epochs": 200}} | changes)


def run(tree: dict[str, Any], output: Path) -> None:
    sweep.run(tree, output=output, use_ray=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a sweep that was trained to its end."""
    path = tmp_path_factory.mktemp("whole") / "results"
    run(asked(), path)
    return path


def scheduler_of(text: str) -> Rungs:
    return parse_scheduler(text, where="test")


def call(*words: str) -> Result:
    return CliRunner().invoke(main, ["replay", *words])


@pytest.mark.slow
@pytest.mark.parametrize("text", ["asha", "asha,eta=2,first_rung=5", "hyperband", "median"])
def test_a_replay_saves_what_a_run_with_the_scheduler_does(whole, tmp_path, text):
    scheduler = scheduler_of(text)
    run(asked(scheduler=scheduler.model_dump()), tmp_path / "pruned")
    pruned, trained = (
        sweep.read_trials(tmp_path / "pruned", columns="all"),
        sweep.read_trials(whole, columns="all"),
    )
    table, left_out = replays(ResultsDir(whole), [scheduler], None, resamples=0, seed=0)
    (row,) = table.to_dict("records")
    assert row["saved"] == pytest.approx(1 - pruned["epochs"].sum() / trained["epochs"].sum())
    finished = pruned[pruned["status"] == "finished"].groupby("learning_rate")["final_loss"]
    least = trained.groupby("learning_rate")["final_loss"].median().min()
    assert row["regret"] == pytest.approx(finished.median().min() - least)
    assert (row["settings"], left_out) == (8, 0)


@pytest.mark.slow
def test_a_replayed_rule_stops_trials_where_the_rule_itself_does(whole, tmp_path):
    run(asked(convergence=EARLY), tmp_path / "early")
    early, trained = (
        sweep.read_trials(tmp_path / "early", columns="all"),
        sweep.read_trials(whole, columns="all"),
    )
    rung = Rung("early_stopping", 1e-4, 10, "loss")
    table, _ = replays(ResultsDir(whole), [], rung, resamples=0, seed=0)
    assert 0 < table["saved"][0] < 1
    assert table["saved"][0] == pytest.approx(1 - early["epochs"].sum() / trained["epochs"].sum())


@pytest.mark.slow
def test_pruned_trials_are_left_out_and_counted(tmp_path):
    run(asked(scheduler="asha"), tmp_path / "pruned")
    result = call(str(tmp_path / "pruned"), "--scheduler", "asha", "--resamples", "0")
    assert result.exit_code == 0
    assert "left out: 14 trials that did not end by themselves" in result.stderr


@pytest.mark.slow
def test_held_out_losses_that_were_not_recorded_are_not_guessed(tmp_path):
    data = {"name": "uniform", "samples": 40, "features": 4, "validation": 0.5}
    tree = asked(dataset=data, record={"validation_every": 7}, grid={"learning_rate": RATES[-2:]})
    run(tree, tmp_path / "results")
    directory = ResultsDir(tmp_path / "results")
    with pytest.raises(StoreError, match="must hold the validation_loss of every rung"):
        replays(directory, [scheduler_of("asha")], None, resamples=0, seed=0)
    table, _ = replays(directory, [scheduler_of("asha,metric=loss")], None, resamples=0, seed=0)
    assert len(table) == 1


def courses(values: list[list[float]], finals: list[float]) -> Courses:
    """Return settings of one trial and 100 epochs each, with rungs at 10, 20, …."""
    n, n_rungs = len(values), len(values[0])
    ends = [*(10.0 * (rung + 1) for rung in range(n_rungs)), 100.0]
    return Courses(
        values=np.array(values),
        costs=np.tile(np.array(ends), (n, 1)),
        whole=np.full(n, 100.0),
        ends=np.array(finals),
        finals=np.array(finals),
        places=np.zeros(n),
    )


def test_what_a_scheduler_saves_and_loses_is_counted():
    crossing = courses([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.4, 0.4]], [0.3, 0.4, 0.5, 0.1])
    found = replay(crossing, scheduler_of("asha,eta=2"))
    spent = 100 + 20 + 10 + 10  # the best at both rungs, the next at one, the others at none
    assert found.saved == pytest.approx(1 - spent / 400)
    assert (found.winner_kept, found.top_kept) == (0.0, 0.0)
    assert found.regret == pytest.approx(0.3 - 0.1)


def test_a_setting_that_ended_before_it_would_have_been_stopped_is_not_lost():
    values = courses([[0.1], [0.2]], [0.3, 0.1])
    ended = Courses(**vars(values) | {"costs": np.array([[10.0, 100.0], [5.0, 5.0]])})
    ended = Courses(**vars(ended) | {"whole": np.array([100.0, 5.0])})
    assert replay(ended, scheduler_of("asha,eta=2")).winner_kept == 1.0


def test_resamples_are_a_function_of_their_seed():
    rng = np.random.default_rng(0)
    drawn = courses(rng.random((20, 3)).tolist(), rng.random(20).tolist())
    scheduler = scheduler_of("hyperband")
    first, again, other = (resample(drawn, scheduler, resamples=9, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ash", "must be one of asha, hyperband, median (got 'ash'"),
        ("asha,eta=1,first_rung=0", "scheduler.first_rung must be >= 1 (got 0)"),
        ("asha,4", "--scheduler must be NAME[,KEY=VALUE…], such as asha,eta=4 (got 'asha,4')"),
    ],
)
def test_a_wrong_scheduler_is_refused(text, fault):
    with pytest.raises(ConfigError) as error:
        scheduler_of(text)
    assert any(fault in str(found) for found in error.value.faults)


def test_nothing_to_replay_is_said(tmp_path):
    result = call(str(tmp_path))
    assert result.exit_code == 2
    assert "--scheduler must be given, or --rule" in result.stderr


@pytest.mark.slow
@pytest.mark.reproduce
def test_the_example_of_the_page_prints_what_stands_there():
    page = (ROOT / "docs/schedulers.md").read_text("utf-8")
    (example,) = re.findall(r"```console\n\$ sweep (.*)\n((?:.*\n)*?)```", page)
    words, printed = shlex.split(example[0]), example[1]
    words[1] = str(ROOT / words[1])
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0
    assert result.stdout == printed
    as_json = CliRunner().invoke(main, [*words, "--json"])
    rows = json.loads(as_json.stdout)
    assert [row["replayed"] for row in rows][:2] == ["asha,metric=loss", "hyperband,metric=loss"]
    assert all(row["saved_low"] <= row["saved_high"] for row in rows)
