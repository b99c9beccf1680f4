"""`sweep run`: what it prints and how it exits."""

import json
import shlex
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from sweep.cli.main import main
from tests.cluster_sweeps import small_sweep, write_module


@pytest.fixture
def sweep_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    return "small.yaml"


def run(*arguments: str):
    return CliRunner().invoke(main, ["run", *arguments, "--no-ray"])


@pytest.mark.slow
def test_run_prints_the_table_and_where_everything_lies(sweep_file):
    result = run(sweep_file)
    assert result.exit_code == 0
    assert "table:  results/small/trials" in result.stdout
    assert "report: results/small/report/report.html" in result.stdout


@pytest.mark.slow
def test_run_ends_with_the_best_settings_of_this_plan_over_their_seeds(sweep_file):
    first = run(sweep_file).stdout.splitlines()
    assert first[0] == (
        "best 2 of 2 settings over their seeds, by median final loss; trial_id is the best of each"
    )
    heading = "trial_id learning_rate trials converged median q1 q3 mean"
    assert first[1].split() == heading.split()
    assert [line.split()[1:3] for line in first[2:4]] == [["0.2", "2"], ["0.1", "2"]]
    then = run(sweep_file, "grid.learning_rate=[0.2,0.3]").stdout.splitlines()
    assert [line.split()[1:3] for line in then[2:4]] == [["0.3", "2"], ["0.2", "2"]]
    assert then[4].startswith("table:  results/small/trials, 6 trials")
    single = run(sweep_file, "grid.replicates=1").stdout.splitlines()
    assert single[0] == "best 2 of 2 trials, by final loss"
    assert [line.split()[1] for line in single[2:4]] == ["0.2", "0.1"]


@pytest.mark.slow
def test_run_ends_with_what_was_found_and_where_to_look_further(sweep_file):
    last = run(sweep_file, "grid.replicates=6").stdout.splitlines()[-4:]
    assert last[0].startswith("table:  results/small/trials, 12 trials: sweep results")
    assert last[1] == "found:  No hyperparameter is shown to matter."
    assert last[2] == "        12 of 12 trials reached a limit before their rule was met."
    assert last[3].startswith("report: results/small/report/report.")
    again = run(sweep_file, "grid.replicates=6").stdout.splitlines()[-4:]
    assert again == last


@pytest.mark.slow
def test_a_report_that_fails_is_told_and_takes_nothing_from_the_run(sweep_file, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "no-such")
    command = [sys.executable, "-m", "sweep", "run", sweep_file, "--no-ray"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "table:  results/small/trials, 4 trials" in done.stdout
    assert "warning: no report was written, but the table is complete (ValueError" in done.stderr
    assert done.stderr.endswith("again: sweep report results/small\n")


def test_ctrl_c_while_the_report_is_drawn_says_what_draws_it(sweep_file, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sweep.reports.beside.ReportProcess.written", interrupted)
    result = run(sweep_file)
    assert result.exit_code == 130
    assert "table:  results/small/trials, 4 trials" in result.stdout
    assert result.stderr.endswith(
        "interrupted, but the table is complete; "
        "the report is drawn by: sweep report results/small\n"
    )


def test_second_run_says_that_there_is_nothing_to_train(sweep_file):
    run(sweep_file, "--json")
    result = run(sweep_file, "--json")
    assert "nothing to train: all 4 trials are in results/small" in result.stderr
    assert json.loads(result.stdout)["skipped"] == 4


def test_status_knows_how_many_trials_the_run_was_to_train(sweep_file):
    for overrides, counts in (((), (4, 4, 4)), (("convergence.max_epochs=7",), (8, 4, 4))):
        run(sweep_file, "--json", *overrides)
        status = json.loads(CliRunner().invoke(main, ["status", "small", "--json"]).stdout)
        assert (status["trials"], status["done"], status["total"]) == counts


def test_an_edited_file_trains_what_is_new_keeps_the_rest_and_says_so(sweep_file):
    run(sweep_file, "--json")
    result = run(sweep_file, "--json", "grid.learning_rate=[0.2,0.3]")
    told = (
        "2 trials to train, 2 done already; 2 more in the table, which this file does not ask for"
    )
    assert told in result.stderr
    rows = CliRunner().invoke(main, ["results", "small", "--format", "json"]).stdout
    assert len(json.loads(rows)) == 6


def test_wrong_file_exits_with_2_and_trains_nothing(sweep_file, tmp_path):
    result = run(sweep_file, "fixed.activation=rleu")
    assert result.exit_code == 2
    assert "did you mean 'relu'?" in result.stderr
    assert not (tmp_path / "results").exists()


FAULTY = """
def activation(x):
    raise ValueError(f"no such thing in {x.shape[-1]} columns")
"""


@pytest.mark.slow
def test_failed_trials_are_told_and_exit_with_1_until_they_are_mended(
    sweep_file, tmp_path, monkeypatch
):
    write_module(tmp_path, "faulty", FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    overrides = ["fixed.activation=faulty:activation"]
    for _ in range(2):
        result = run(sweep_file, "--json", *overrides)
        assert result.exit_code == 1
        assert json.loads(result.stdout)["failed"] == 4
        (kind,) = json.loads(result.stdout)["failures"]
        command = f"sweep show {kind['trial_id']} --results results/small"
        told = f"4 failed: {kind['error']} ({command})\n"
        assert told + "--retry failed trains the failed ones again\n" in result.stderr
    shown = CliRunner().invoke(main, shlex.split(command)[1:])
    assert (shown.exit_code, kind["error"] in shown.stdout) == (0, True)
    assert "nothing to train: all 4 trials are in results/small, 4 failed" in result.stderr
    healthy = run(sweep_file, "--json")
    assert (healthy.exit_code, json.loads(healthy.stdout)["failed"]) == (0, 0)


@pytest.fixture
def faulty_file(tmp_path, monkeypatch):
    """A sweep of which every second pack of four fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_module(tmp_path, "fails", "def activation(x):\n    raise ValueError('no such thing')\n")
    tree = small_sweep(resources={"lanes_per_pack": 1})
    del tree["fixed"]["activation"]
    tree["grid"] |= {"activation": ["fails:activation", "tanh"]}
    (tmp_path / "faulty.yaml").write_text(yaml.safe_dump(tree))
    return "faulty.yaml"


@pytest.mark.slow
@pytest.mark.parametrize(("options", "failed"), [(["--fail-fast"], 1), (["--max-failed", "2"], 3)])
def test_run_ends_when_more_trials_have_failed_than_are_allowed(faulty_file, options, failed):
    result = run(faulty_file, *options)
    assert result.exit_code == 1
    assert f" s, {failed} failed\n" in result.stderr
    assert "to go, as more failed than --max-failed allows" in result.stderr
    again = run(faulty_file)
    assert "trained 8 trials" not in again.stderr
    assert "4 failed" in again.stderr
    assert again.exit_code == 1


def test_fail_fast_and_a_number_of_failures_contradict_each_other(sweep_file):
    result = run(sweep_file, "--fail-fast", "--max-failed", "2")
    assert result.exit_code == 2
    assert "--fail-fast is --max-failed 0: give one of them" in result.stderr
