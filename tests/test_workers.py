"""Claims: a worker trains pack after pack, and what it had is trained once though it is killed."""

import os
import signal
from pathlib import Path

import pytest

from sweep.api import run_sweep
from sweep.config import SweepConfig
from sweep.running.coordinator import SweepProgress
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_config, small_sweep, write_module
from tests.tune_suggestions import watch_suggestions

ONE_LANE = ("resources.workers=2", "resources.lanes_per_pack=1")


@pytest.mark.ray
def test_a_tune_trial_is_a_worker_and_not_a_pack(tmp_path, monkeypatch):
    suggested = watch_suggestions(monkeypatch)
    config = small_config("grid.replicates=20", *ONE_LANE)
    summary = run_sweep(config, RunOptions(output=tmp_path))
    assert (summary.trained, summary.failed, summary.missing) == (40, 0, 0)
    assert [config["workers"] for config in suggested] == [(1,), (2,)]
    trials = read_trials(tmp_path)
    assert trials["trial_id"].is_unique
    assert trials["pack"].nunique() == 40
    assert set(trials["attempt"]) == {1}


KILLER = """
import os, pathlib, signal

marker = pathlib.Path(__file__).with_name("killed")


def once(x):
    if x.shape[0] and x.shape[-1] == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x.tanh()


def always(x):
    if x.shape[0] and x.shape[-1] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x.tanh()
"""


@pytest.fixture
def killer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_module(tmp_path, "killer", KILLER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def killing(function: str, widths: range, **resources: int) -> SweepConfig:
    """Return a sweep of a trial for each width, of which that of width 3 kills its worker."""
    tree = small_sweep()
    del tree["fixed"]["topology"]
    tree["fixed"]["activation"] = f"killer:{function}"
    topologies = [f"6-{width}-6" for width in widths]
    tree["dataset"]["size"] = 6
    tree["grid"] |= {"topology": topologies, "replicates": 1, "learning_rate": 0.1}
    tree["resources"] = {"engine": "torch", **resources}
    return small_config(**tree)


@pytest.mark.ray
@pytest.mark.usefixtures("killer")
@pytest.mark.long
def test_packs_of_a_killed_worker_are_each_in_the_table_once(tmp_path):
    config = killing("once", range(2, 6), workers=1, lanes_per_pack=1, retries=1)
    summary = run_sweep(config, RunOptions(output=tmp_path / "out"))
    assert (summary.trained, summary.failed, summary.missing) == (4, 0, 0)
    trials = read_trials(tmp_path / "out")
    assert trials["trial_id"].is_unique
    attempts = trials.set_index("topology")["attempt"].to_dict()
    assert (tmp_path / "killed").exists()
    assert attempts["6-3-6"] <= 2  # 1 where the worker died before the broker heard that it began
    assert {width: attempts[f"6-{width}-6"] for width in (4, 5)} == {4: 1, 5: 1}


@pytest.mark.ray
@pytest.mark.usefixtures("killer")
def test_a_pack_that_kills_is_halved_while_the_others_are_trained(tmp_path):
    config = killing("always", range(1, 6), workers=2, lanes_per_pack=3, retries=0)
    summary = run_sweep(config, RunOptions(output=tmp_path / "out"))
    assert (summary.trained, summary.failed, summary.missing) == (5, 1, 0)
    statuses = read_trials(tmp_path / "out").set_index("topology")["status"].to_dict()
    assert statuses.pop("6-3-6") == "failed"
    assert set(statuses.values()) == {"finished"}


@pytest.mark.ray
@pytest.mark.long
def test_after_a_stop_no_further_pack_is_begun(tmp_path):
    asked: list[SweepProgress] = []

    def stop_once_both_train(progress: SweepProgress) -> None:
        if progress.active == 2 and not asked:
            asked.append(progress)
            os.kill(os.getpid(), signal.SIGINT)

    config = small_config("grid.replicates=5", "convergence.max_epochs=100000000", *ONE_LANE)
    options = RunOptions(output=tmp_path)
    summary = run_sweep(config, options, on_progress=stop_once_both_train)
    assert (summary.interrupted, summary.cancelled, summary.missing) == (True, 2, 10)
    assert read_trials(tmp_path)["stop_reason"].tolist() == ["cancelled"] * 2
