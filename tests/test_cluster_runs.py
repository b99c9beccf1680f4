"""Runs in this process: what is trained, what is skipped, what goes on."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml

from sweep.api import run_sweep
from sweep.config.grids import expansion
from sweep.errors import SweepError
from sweep.planning import grid, plan
from sweep.reuse.checkpoint_files import read_checkpoints
from sweep.running.coordinator import SweepProgress
from sweep.running.options import RunOptions
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import done_ids, read_trials
from tests.cluster_sweeps import small_config, small_sweep, write_module

LONG = ("convergence.max_epochs=1000000", "resources.checkpoint_seconds=0.05")


@pytest.fixture
def inline(tmp_path: Path) -> RunOptions:
    return RunOptions(output=tmp_path / "results", use_ray=False)


def test_rerun_trains_nothing(inline):
    first, second = run_sweep(small_config(), inline), run_sweep(small_config(), inline)
    assert (first.trained, first.skipped) == (4, 0)
    assert (second.trained, second.skipped) == (0, 4)
    assert read_trials(inline.output)["trial_id"].is_unique


def test_extended_grid_trains_only_what_is_new(inline):
    run_sweep(small_config(), inline)
    summary = run_sweep(small_config("grid.learning_rate=[0.1, 0.2, 0.3]"), inline)
    assert (summary.trained, summary.skipped) == (2, 4)
    assert sorted(read_trials(inline.output)["learning_rate"]) == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]


def test_raised_limit_goes_on_and_ends_as_an_uninterrupted_run(inline, tmp_path):
    run_sweep(small_config(), inline)
    run_sweep(small_config("convergence.max_epochs=90"), inline)
    whole = RunOptions(output=tmp_path / "whole", use_ray=False)
    run_sweep(small_config("convergence.max_epochs=90"), whole)
    resumed = read_trials(inline.output).query("max_epochs == 90").set_index("trial_id")
    straight = read_trials(whole.output).set_index("trial_id")
    assert resumed["resumed_from"].tolist() == [40] * 4
    assert resumed["final_loss"].to_dict() == straight["final_loss"].to_dict()
    assert resumed["epochs"].tolist() == [90] * 4


@pytest.mark.slow
def test_trial_whose_code_raises_fails_beside_healthy_ones(inline, tmp_path, monkeypatch):
    write_module(tmp_path, "faulty", "def activation(x):\n    raise ValueError('no such thing')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tree = small_sweep()
    del tree["fixed"]["activation"]
    tree["grid"]["activation"] = ["tanh", "faulty:activation"]
    config = small_config(**tree)
    summary = run_sweep(config, inline)
    assert (summary.trained, summary.failed) == (8, 4)
    failed = read_trials(inline.output).query("status == 'failed'")
    assert set(failed["error"]) == {"ValueError: no such thing"}
    assert failed["traceback"].str.contains("in activation").all()
    again = run_sweep(config, inline)
    assert (again.trained, again.failed) == (0, 4)
    (kind,) = again.failures
    assert (kind.error, kind.trials) == ("ValueError: no such thing", 4)
    assert kind.trial_id in set(failed["trial_id"])
    assert run_sweep(config, inline.model_copy(update={"retry_failed": True})).trained == 4
    tree["grid"]["activation"] = ["tanh"]
    healthy = run_sweep(small_config(**tree), inline)
    assert (healthy.skipped, healthy.failed, healthy.failures) == (4, 0, ())


def test_a_fault_of_the_driver_is_not_laid_on_the_trials(inline):
    def show(_: object) -> None:
        raise OSError("the display is gone")

    with pytest.raises(OSError, match="the display is gone"):
        run_sweep(small_config(), inline, on_progress=show)
    assert done_ids(inline.output) == set()
    assert run_sweep(small_config(), inline).trained == 4


def start_command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a long run of the small sweep in a process group of its own."""
    (folder / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *LONG, *arguments]
    return subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for_checkpoints(folder: Path, process: subprocess.Popen[str], packs: int) -> None:
    checkpoints = folder / "results/small/checkpoints"
    while len(list(checkpoints.glob("*.checkpoint"))) < packs:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.slow
def test_run_goes_on_after_its_process_was_killed(tmp_path):
    process = start_command(tmp_path, "--no-ray")
    wait_for_checkpoints(tmp_path, process, 1)
    process.kill()
    process.communicate()
    options = RunOptions(output=tmp_path / "results/small", use_ray=False)
    lanes = read_checkpoints(ResultsDir(tmp_path / "results/small"))
    reached = [lane.epoch for lane in lanes]
    run_sweep(small_config(f"convergence.max_epochs={max(reached) + 10}"), options)
    assert sorted(read_trials(options.output)["resumed_from"]) == sorted(reached)


@pytest.mark.ray
@pytest.mark.parametrize(("arguments", "packs"), [(("--no-ray",), 1), (("--workers", "2"), 2)])
def test_ctrl_c_keeps_what_there_is_and_the_next_run_goes_on(tmp_path, arguments, packs):
    process = start_command(tmp_path, *arguments)
    wait_for_checkpoints(tmp_path, process, packs)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted with 4 to go; run the same command to go on" in errors
    output = tmp_path / "results/small"
    cancelled = read_trials(output)
    assert cancelled["stop_reason"].tolist() == ["cancelled"] * 4
    most = int(cancelled["epochs"].max()) + 10
    options = RunOptions(output=output, use_ray=False)
    run_sweep(small_config(f"convergence.max_epochs={most}"), options)
    ended = read_trials(output).query("stop_reason == 'max_epochs'")
    assert sorted(ended["resumed_from"]) == sorted(cancelled["epochs"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch finds a GPU here")
def test_packs_for_a_gpu_are_refused_where_there_is_none(inline):
    config = small_config("resources.gpus_per_pack=0.5", "resources.engine=torch")
    with pytest.raises(SweepError, match="GPUs must be asked for only where PyTorch finds one"):
        run_sweep(config, inline)
    assert done_ids(inline.output) == set()


MOODY = """
import pathlib

bad_day = pathlib.Path(__file__).with_name("bad day")


def activation(x):
    if bad_day.exists():
        raise OSError("not today")
    return x.tanh()
"""


@pytest.mark.slow
def test_trial_that_fails_after_it_was_cancelled_keeps_what_it_can_go_on_from(
    inline, tmp_path, monkeypatch
):
    write_module(tmp_path, "moody", MOODY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    tree = small_sweep(convergence={"max_epochs": 10**6})
    tree["fixed"]["activation"] = "moody:activation"
    asked: list[SweepProgress] = []

    def interrupt(progress: SweepProgress) -> None:
        if progress.active and not asked:
            asked.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    assert run_sweep(small_config(**tree), inline, on_progress=interrupt).cancelled == 4
    before = read_trials(inline.output)
    (tmp_path / "bad day").touch()
    summary = run_sweep(small_config(**tree), inline)
    assert (summary.trained, summary.failed, summary.missing) == (4, 4, 4)
    assert read_trials(inline.output).equals(before)


def test_a_run_expands_its_grid_once_and_plans_its_packs_once(tmp_path, monkeypatch):
    calls = Counter[str]()

    def counted(module, name):
        function = getattr(module, name)

        def call(*given, **named):
            calls[name] += 1
            return function(*given, **named)

        monkeypatch.setattr(module, name, call)

    counted(expansion, "expand_config")
    counted(grid, "_cells")
    counted(plan, "plan_packs")
    options = RunOptions(output=tmp_path, use_ray=False, workers=1)
    assert run_sweep(small_config(), options).trained == 4
    assert calls == {"expand_config": 1, "_cells": 1, "plan_packs": 1}
