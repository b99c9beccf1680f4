"""What Ray is made of dies, and the table is the same: broker, driver, node, worker."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.cluster_utils import Cluster

from sweep.api import run_sweep
from sweep.ray import event_loop
from sweep.running.coordinator import SweepProgress
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_curves, read_trials
from tests.cluster_sweeps import small_config, small_sweep, write_module

SOME_SECONDS = (
    "convergence.max_epochs=2000000",
    "resources.checkpoint_seconds=0.2",
    "resources.workers=2",
    "resources.lanes_per_pack=2",
)


def ends(results: Path) -> list[dict[str, object]]:
    """Return how each trial ended, its loss and curve to the last bit."""
    columns = ["trial_id", "epochs", "final_loss", "stop_reason"]
    trials = read_trials(results)[columns].sort_values("trial_id").to_dict("records")
    curves = read_curves(results).groupby("trial_id")["loss"].agg(list)
    return [{**row, "curve": curves[row["trial_id"]]} for row in trials]


def trained_calmly(folder: Path) -> list[dict[str, object]]:
    """Return how the trials end that nothing disturbs."""
    options = RunOptions(output=folder / "calm", use_ray=False)
    run_sweep(small_config(*SOME_SECONDS), options)
    return ends(folder / "calm")


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    return trained_calmly(tmp_path_factory.mktemp("calm"))


def processes(title: str, below: int) -> list[int]:
    """Return the processes of that title that descend from process `below`."""
    listing = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True)
    rows = [line.split(None, 2) for line in listing.stdout.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}

    def descends(pid: int) -> bool:
        while pid in parents and pid != below:
            pid = parents[pid]
        return pid == below

    return [int(pid) for pid, _, name in rows if name.startswith(title) and descends(int(pid))]


def once_it_has_saved(results: Path, act: Callable[[], None]) -> Callable[[SweepProgress], None]:
    """Return a reaction to progress that acts once, after the first checkpoint."""
    acted: list[None] = []

    def react(progress: SweepProgress) -> None:
        if not acted and list((results / "checkpoints").glob("*.checkpoint")):
            acted.append(None)
            act()

    return react


@pytest.mark.ray
def test_a_killed_broker_is_replaced_and_the_table_is_the_same(calm, tmp_path):
    killed = list[int]()

    def kill_the_broker() -> None:
        killed.extend(processes("ray::Broker", os.getpid()))
        os.kill(killed[0], signal.SIGKILL)

    options = RunOptions(output=tmp_path / "wild")
    react = once_it_has_saved(tmp_path / "wild", kill_the_broker)
    summary = run_sweep(small_config(*SOME_SECONDS), options, on_progress=react)
    assert len(killed) == 1
    assert (summary.trained, summary.failed, summary.missing) == (4, 0, 0)
    assert ends(tmp_path / "wild") == calm


def use_module(folder, monkeypatch, name, source):
    """Write a module of the user's own, and work where it is found."""
    write_module(folder, name, source)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)


def sweep_with(activation, topologies, resources):
    """Return a sweep of a trial for each topology."""
    tree = small_sweep()
    del tree["fixed"]["topology"]
    tree["fixed"]["activation"] = activation
    tree["grid"] |= {"topology": topologies, "replicates": 1, "learning_rate": 0.1}
    tree["resources"] = {"engine": "torch", **resources}
    return small_config(**tree)


LONER = """
import os, signal


def activation(x):
    if x.shape[0] and os.environ.get("NEVER") is None and x.shape[-1] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x.tanh()
"""


@pytest.mark.ray
@pytest.mark.long
def test_a_trial_that_kills_its_worker_ends_alone(tmp_path, monkeypatch):
    use_module(tmp_path, monkeypatch, "loner", LONER)
    resources = {"retries": 0, "workers": 1, "lanes_per_pack": 8}
    config = sweep_with("loner:activation", ["4-2-4", "4-3-4", "4-5-4"], resources)
    summary = run_sweep(config, RunOptions(output=tmp_path / "results"))
    assert (summary.trained, summary.failed, summary.missing) == (3, 1, 0)
    trials = read_trials(tmp_path / "results").set_index("topology")
    assert trials["status"].to_dict() == {
        "4-2-4": "finished",
        "4-3-4": "failed",
        "4-5-4": "finished",
    }
    assert "also when it trained this trial alone" in trials.loc["4-3-4", "error"]


SLEEPER = """
import time


def activation(x):
    while x.shape[0] and x.shape[-1] == 3:
        time.sleep(0.1)
    return x.tanh()
"""


@pytest.mark.ray
@pytest.mark.long
def test_a_worker_that_hangs_is_not_waited_for_at_a_stop(tmp_path, monkeypatch):
    monkeypatch.setattr(event_loop, "SECONDS_TO_STOP", 5.0)
    use_module(tmp_path, monkeypatch, "sleeper", SLEEPER)
    resources = {"workers": 2, "lanes_per_pack": 1}
    config = sweep_with("sleeper:activation", ["4-3-4", "4-5-4"], resources)
    asked: list[float] = []

    def stop_after_one(progress: SweepProgress) -> None:
        if progress.done == 1 and not asked:
            asked.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    summary = run_sweep(config, RunOptions(output=tmp_path / "out"), on_progress=stop_after_one)
    assert time.monotonic() - asked[0] < 60
    assert (summary.interrupted, summary.trained, summary.failed, summary.missing) == (
        True,
        1,
        0,
        1,
    )
    assert read_trials(tmp_path / "out")["topology"].tolist() == ["4-5-4"]


@pytest.mark.ray
def test_a_trial_that_never_ends_fails_alone_and_says_where_it_stood(tmp_path, monkeypatch):
    resources = {"workers": 1, "lanes_per_pack": 8, "stall_seconds": 6}
    use_module(tmp_path, monkeypatch, "sleeper", SLEEPER)
    config = sweep_with("sleeper:activation", ["4-3-4", "4-5-4"], resources)
    summary = run_sweep(config, RunOptions(output=tmp_path / "results"))
    assert (summary.trained, summary.failed, summary.missing) == (2, 1, 0)
    trials = read_trials(tmp_path / "results").set_index("topology")
    assert trials["status"].to_dict() == {"4-3-4": "failed", "4-5-4": "finished"}
    failed = trials.loc["4-3-4"]
    assert "no chunk of epochs ended within 6 s" in failed["error"]
    assert "also when it trained this trial alone" in failed["error"]
    assert "sleeper.py" in failed["traceback"]


@pytest.mark.ray
@pytest.mark.long
def test_a_killed_driver_goes_on_when_it_is_run_again(calm, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *SOME_SECONDS]
    command += ["--output", "wild", "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while not list((tmp_path / "wild").glob("checkpoints/*.checkpoint")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"missing": 0' in again.stdout
    assert ends(tmp_path / "wild") == calm
    assert read_trials(tmp_path / "wild")["resumed_from"].max() > 0


@pytest.mark.ray
def test_ctrl_c_while_ray_starts_is_answered_at_once_and_ends_the_run(tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", "--output", "results"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert run.stderr
    said = [run.stderr.readline(), run.stderr.readline()]
    assert said[1].startswith("starting Ray")
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    told = errors.splitlines()
    assert told[0] == "stopping, nothing was trained yet; interrupt again to end at once"
    assert told[1].startswith("trained 0 trials in ")
    assert told[2] == "interrupted with 4 to go; run the same command to go on"
    assert (len(told), run.returncode) == (3, 130)


@pytest.mark.ray
@pytest.mark.parametrize("process", ["gcs_server", pytest.param("raylet", marks=pytest.mark.long)])
def test_when_ray_dies_the_run_says_so_ends_what_is_left_of_it_and_the_next_goes_on(
    calm, tmp_path, process
):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *SOME_SECONDS]
    command += ["--output", "wild", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    run = subprocess.Popen(command, cwd=tmp_path, env=own_tmp(tmp_path), **pipes)
    while not list((tmp_path / "wild").glob("checkpoints/*.checkpoint")):
        assert run.poll() is None
        time.sleep(0.05)
    started = processes("", run.pid)
    executables = {pid: Path(f"/proc/{pid}/exe").readlink().name for pid in started}
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in started} == {0}
    os.kill(next(pid for pid, name in executables.items() if name == process), signal.SIGKILL)
    printed, errors = run.communicate(timeout=50)  # after a minute Ray itself ends the driver
    left = [pid for pid in started if Path(f"/proc/{pid}").exists()]
    assert (run.returncode, printed, left) == (2, "", [])
    said = errors.splitlines()[-1]
    assert said.startswith(f"Ray died: {process} at ")
    assert "of 4 trials that had ended are in wild" in said
    assert said.endswith("run the same command to go on")
    assert list((tmp_path / "tmp").glob("sweep-*")) == []
    again = subprocess.run([*command, "--no-ray"], cwd=tmp_path, **pipes)
    assert '"missing": 0' in again.stdout
    assert ends(tmp_path / "wild") == calm
    assert read_trials(tmp_path / "wild")["resumed_from"].max() > 0


def own_tmp(folder: Path) -> dict[str, str]:
    """Return an environment with a temporary directory of its own."""
    (folder / "tmp").mkdir()
    return os.environ | {"TMPDIR": str(folder / "tmp"), "RAY_TMPDIR": "/tmp"}


@pytest.mark.ray
@pytest.mark.long
def test_a_lost_head_takes_the_run_with_it_and_the_next_one_goes_on(calm, tmp_path):
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-m", "sweep", "run", "small.yaml", *SOME_SECONDS]
    command += ["--output", "wild", "--json"]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    assert cluster.head_node
    try:
        there = [*command, "--address", cluster.address]
        process = subprocess.Popen(there, cwd=tmp_path, stderr=subprocess.DEVNULL)
        while not list((tmp_path / "wild").glob("checkpoints/*.checkpoint")):
            assert process.poll() is None
            time.sleep(0.05)
        cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        process.kill()  # the driver was on the head too
        process.wait()
    finally:
        cluster.shutdown()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert '"missing": 0' in again.stdout
    assert ends(tmp_path / "wild") == calm
    assert read_trials(tmp_path / "wild")["resumed_from"].max() > 0


@contextlib.contextmanager
def node_with_a_disk_of_its_own(address: str, results: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Join a node to a cluster that sees nothing of the directory `results`."""
    hidden = f"mount -t tmpfs none {results} && exec ray start --address={address}"
    apart = ["unshare", "-m", "-p", "-f", "--kill-child", "--mount-proc"]
    node = subprocess.Popen(
        [*apart, "sh", "-c", f"{hidden} --num-cpus=1 --block"],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert node.stdout
        said = [""]  # two nodes that start at once can take each other's sockets
        while "Ray runtime started" not in said[-1]:
            said.append(node.stdout.readline().decode())
            assert said[-1], said
        yield node
    finally:
        node.kill()
        node.communicate()


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_without_a_shared_file_system_and_with_a_node_lost_the_table_is_the_same(calm, tmp_path):
    lost = list[int]()
    results = tmp_path / "wild"
    results.mkdir()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        with (
            node_with_a_disk_of_its_own(cluster.address, results) as first,
            node_with_a_disk_of_its_own(cluster.address, results) as second,
        ):

            def lose_the_node_that_trains() -> None:
                nodes = [n for n in (first, second) if processes("ray::Implicit", n.pid)]
                lost.append(nodes[0].pid)
                assert list(Path(f"/proc/{lost[0]}/root{results}").iterdir()) == []
                nodes[0].kill()

            options = RunOptions(output=results, address=cluster.address)
            react = once_it_has_saved(results, lose_the_node_that_trains)
            summary = run_sweep(small_config(*SOME_SECONDS), options, on_progress=react)
    finally:
        cluster.shutdown()
    assert len(lost) == 1
    assert (summary.trained, summary.failed, summary.missing) == (4, 0, 0)
    assert ends(results) == calm
    assert set(read_trials(results)["attempt"]) >= {2}
