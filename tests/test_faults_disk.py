"""What becomes of results when the disk, or whoever holds it, does not play along."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sweep.api import run_sweep
from sweep.cli.main import main
from sweep.errors import StoreError
from sweep.reuse.checkpoint_files import read_checkpoints
from sweep.running.options import RunOptions
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_curves, read_trials
from tests.cluster_sweeps import small_config, small_sweep, write_module

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")


def ends(results: Path) -> list[dict[str, object]]:
    columns = ["trial_id", "epochs", "final_loss", "stop_reason"]
    trials = read_trials(results)[columns].sort_values("trial_id").to_dict("records")
    curves = read_curves(results).groupby("trial_id")["loss"].agg(list)
    return [{**row, "curve": curves[row["trial_id"]]} for row in trials]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return an empty file system of 300 KB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.slow
@root_only
def test_a_full_disk_ends_the_run_clearly_and_the_next_one_completes_it(small_disk, tmp_path):
    config = small_config("grid.replicates=200", "resources.lanes_per_pack=20")
    options = RunOptions(output=small_disk / "results", use_ray=False)
    with pytest.raises(StoreError, match=r"cannot be written .ENOSPC.*free some space"):
        run_sweep(config, options)
    kept = len(read_trials(options.output))
    assert 0 < kept < 400
    subprocess.run(["mount", "-o", "remount,size=50m", small_disk], check=True)
    assert run_sweep(config, options).trained == 400 - kept
    calm = RunOptions(output=tmp_path / "calm", use_ray=False)
    run_sweep(config, calm)
    assert ends(options.output) == ends(calm.output)


@root_only
def test_results_that_cannot_be_written_are_refused_but_can_be_read(small_disk):
    options = RunOptions(output=small_disk / "results", use_ray=False)
    run_sweep(small_config(), options)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreError, match=r"writer.lock: cannot be locked .EROFS"):
        run_sweep(small_config("convergence.max_epochs=50"), options)
    assert len(read_trials(options.output)) == 4
    for words in (["results"], ["status"], ["doctor"]):
        done = CliRunner().invoke(main, [*words, str(options.output)])
        assert done.exit_code == 0, done.output


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    (folder / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", "--no-ray", *overrides]
    command += ["resources.checkpoint_seconds=0.01", "--output", "results"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    while not list((folder / "results").glob("checkpoints/*.checkpoint")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_sigterm_ends_a_run_as_ctrl_c_does(tmp_path):
    process = start(tmp_path, "convergence.max_epochs=100000000")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted with 4 to go" in errors
    assert read_trials(tmp_path / "results")["stop_reason"].tolist() == ["cancelled"] * 4


@pytest.mark.slow
def test_two_runs_into_one_directory_are_refused_by_name(tmp_path):
    process = start(tmp_path, "convergence.max_epochs=100000000")
    try:
        with pytest.raises(StoreError, match=f"is being written by pid {process.pid} on host"):
            run_sweep(small_config(), RunOptions(output=tmp_path / "results", use_ray=False))
    finally:
        process.kill()
        process.communicate()
    done = run_sweep(small_config(), RunOptions(output=tmp_path / "results", use_ray=False))
    assert (done.trained, done.missing) == (4, 0)


@pytest.mark.slow
def test_a_run_killed_again_and_again_loses_no_lane_to_its_successors(tmp_path):
    """One lane trains at a time: the first checkpoint of a run holds no other."""
    rules = ("convergence.max_epochs=100000000", "resources.engine=reference")
    for _ in range(3):
        process = start(tmp_path, *rules)
        count = len(list((tmp_path / "results/checkpoints").iterdir()))
        while len(list((tmp_path / "results/checkpoints").iterdir())) < count:
            time.sleep(0.02)
        time.sleep(0.3)
        process.kill()
        process.communicate()
    states = read_checkpoints(ResultsDir(tmp_path / "results"))
    furthest = max(state.epoch for state in states)
    config = small_config(f"convergence.max_epochs={furthest + 10}", rules[1])
    run_sweep(config, RunOptions(output=tmp_path / "results", use_ray=False))
    assert read_trials(tmp_path / "results")["resumed_from"].max() == furthest


@pytest.mark.slow
def test_no_plugins_refuses_a_users_code_and_says_where(tmp_path, monkeypatch):
    write_module(tmp_path, "mine", "raise SystemExit('was run')")
    tree = small_sweep()
    tree["fixed"]["activation"] = "mine:activation"
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tree))
    monkeypatch.chdir(tmp_path)
    for command in (["plan"], ["run", "--no-ray"]):
        refused = CliRunner().invoke(main, [*command, "small.yaml", "--no-plugins"])
        assert refused.exit_code == 2
        assert "small.yaml:" in refused.output
        assert "fixed.activation must be the name of something built in" in refused.output
    assert not (tmp_path / "results").exists()
    (tmp_path / "data.yaml").write_text(yaml.safe_dump(small_sweep(dataset={"name": "mine:data"})))
    refused = CliRunner().invoke(main, ["plan", "data.yaml", "--no-plugins"])
    assert refused.exit_code == 2
    assert "dataset must name a data set that is built in" in refused.output
    write_module(tmp_path, "mine", "def activation(x):\n    return x.tanh()\n")
    assert CliRunner().invoke(main, ["run", "--no-ray", "small.yaml"]).exit_code == 0
    judged = CliRunner().invoke(main, ["verify", "small", "--no-plugins"])
    assert judged.exit_code == 2, judged.output
