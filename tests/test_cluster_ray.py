"""A run on a real Ray whose workers are killed."""

from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from sweep.api import run_sweep
from sweep.errors import SweepError
from sweep.running.coordinator import SweepProgress
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_curves, read_trials
from tests.cluster_sweeps import small_config, small_sweep, write_module

EPOCHS = 2000
KILLED_AT = 1500
KILLERS = f"""
import os, pathlib, signal

calls = 0
marker = pathlib.Path(__file__).with_name("killed")


def once(x):
    global calls
    calls += 1
    if calls > {KILLED_AT} and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x.tanh()


def always(x):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    write_module(tmp_path, "killers", KILLERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return ["killers:once", "killers:always", "tanh"]


@pytest.mark.ray
def test_killed_workers_lose_no_trial_and_stop_no_other(tmp_path, killers):
    tree = small_sweep()
    del tree["fixed"]["activation"]
    tree["grid"] |= {"activation": killers, "learning_rate": 0.1}
    tree["convergence"] = {"max_epochs": EPOCHS}
    tree["resources"] = {"engine": "torch", "retries": 1, "checkpoint_seconds": 0.05, "workers": 2}
    seen: list[SweepProgress] = []
    options = RunOptions(output=tmp_path / "results")
    summary = run_sweep(small_config(**tree), options, on_progress=seen.append)
    assert (summary.trained, summary.failed, summary.missing) == (6, 2, 0)
    trials = read_trials(options.output)
    assert trials["trial_id"].is_unique
    lost = trials[trials["activation"].str.startswith("killers:always")]
    assert lost["error"].str.startswith("the worker died every time").all()
    whole = trials[~trials["activation"].str.startswith("killers:always")]
    assert whole["epochs"].tolist() == [EPOCHS] * 4
    resumed = whole.query("attempt == 2")
    assert set(resumed["activation"]) == set(whole["activation"]) - {"tanh"}
    # Had the pack begun again, the epochs up to the kill would have been trained and counted twice.
    assert seen[-1].epochs < 4 * EPOCHS + 2 * KILLED_AT / 2
    _same_curves(tmp_path, whole)


def _same_curves(folder: Path, trials) -> None:
    """Assert that both activations, which are tanh twice, gave the same curves."""
    losses = []
    for _, group in trials.groupby("activation"):
        losses.append(read_curves(folder / "results", group["trial_id"].tolist())["loss"])
    first, second = (sorted(values) for values in losses)
    assert first == second


@pytest.mark.ray
def test_a_cluster_of_several_nodes_trains_the_same_as_this_process(tmp_path):
    config = small_config("grid.learning_rate=[0.1, 0.2, 0.3]", "resources.lanes_per_pack=2")
    here = RunOptions(output=tmp_path / "here", use_ray=False)
    run_sweep(config, here)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        there = RunOptions(output=tmp_path / "there", address=cluster.address)
        summary = run_sweep(config, there)
    finally:
        cluster.shutdown()
    assert (summary.trained, summary.failed) == (6, 0)
    losses = [
        read_trials(options.output).set_index("trial_id")["final_loss"].to_dict()
        for options in (here, there)
    ]
    assert losses[0] == losses[1]


def test_an_address_where_nobody_listens_is_said_at_once(tmp_path):
    options = RunOptions(output=tmp_path, address="127.0.0.1:9")
    with pytest.raises(SweepError, match=r"--address must be that of a running Ray cluster"):
        run_sweep(small_config(), options)
