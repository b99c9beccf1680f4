"""Claims: in a poor environment a run ends with its table, or says in a line what is lacking."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sweep.api import run_sweep
from sweep.cli.main import main
from sweep.errors import SweepError
from sweep.planning.disk import available_cpus
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_config, small_sweep

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
WITHOUT_SHM = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh"]
POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def take_away() -> None:
    """Leave 64 open files, and no standard input."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.close(0)


@pytest.mark.slow
@root_only
def test_a_run_needs_neither_home_nor_shm_nor_stdin_nor_utf8_nor_many_files(tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    homes = ("HOME", "XDG_CACHE_HOME", "LANG", "LC_CTYPE")
    bare = {name: value for name, value in os.environ.items() if name not in homes} | POOR
    command = [*WITHOUT_SHM, sys.executable, "-m", "sweep", "run", "small.yaml", "--no-ray"]
    done = subprocess.run(
        command, cwd=tmp_path, env=bare, preexec_fn=take_away, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert read_trials(tmp_path / "results" / "small")["status"].tolist() == ["finished"] * 4
    assert (tmp_path / "results" / "small" / "report" / "report.md").exists()


def test_results_behind_links_are_added_to_where_the_links_lead(tmp_path):
    options = RunOptions(output=tmp_path / "results", use_ray=False)
    run_sweep(small_config(), options)
    shutil.move(tmp_path / "results" / "trials", tmp_path / "elsewhere")
    (tmp_path / "results" / "trials").symlink_to(tmp_path / "elsewhere")
    shutil.move(tmp_path / "results", tmp_path / "disk")
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    assert run_sweep(small_config("grid.learning_rate=[0.1,0.2,0.3]"), options).trained == 2
    assert read_trials(tmp_path / "disk")["trial_id"].nunique() == 6
    assert (tmp_path / "results").is_symlink()
    assert (tmp_path / "disk" / "trials").is_symlink()
    doctor = CliRunner().invoke(main, ["doctor", str(options.output)])
    assert doctor.exit_code == 0, doctor.output


def test_results_under_git_can_be_added_to_and_taken_back(tmp_path):
    def git(*words: str) -> None:
        own = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *own, *words], cwd=tmp_path, check=True, capture_output=True)

    options = RunOptions(output=tmp_path / "results", use_ray=False)
    run_sweep(small_config(), options)
    git("init")
    git("add", "--all")
    git("commit", "--message=table")
    longer = small_config("grid.learning_rate=[0.1,0.2,0.3]")
    assert run_sweep(longer, options).trained == 2
    assert read_trials(options.output)["trial_id"].nunique() == 6
    git("stash", "--include-untracked")
    assert read_trials(options.output)["trial_id"].nunique() == 4
    assert run_sweep(longer, options).trained == 2


@pytest.mark.long
def test_more_than_this_machine_has_is_said_where_no_cluster_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    cpus = available_cpus()
    tree = small_sweep(resources={"workers": 1_000_000_000, "cpus_per_pack": 4096})
    Path("small.yaml").write_text(yaml.safe_dump(tree))
    planned = CliRunner().invoke(main, ["plan", "small.yaml", "--json", "--estimate"])
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.stdout)["warnings"] == [
        f"resources.workers 1,000,000,000: this machine has {cpus:,} CPUs, which they share; "
        "that is more than it can start",
        f"resources.cpus_per_pack 4096: this machine has {cpus:,} CPUs, so that no pack could "
        "start here",
    ]
    monkeypatch.setenv("RAY_ADDRESS", "cluster:6379")
    planned = CliRunner().invoke(main, ["plan", "small.yaml", "--json"])
    assert json.loads(planned.stdout)["warnings"] == []


def test_more_workers_than_a_machine_can_start_are_not_started(tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    config = small_config("resources.workers=1000000000")
    with pytest.raises(SweepError, match=r"workers must be at most .* on this machine of"):
        run_sweep(config, RunOptions(output=tmp_path / "results"))
