"""A driver killed at any moment on a busy machine: the same command again ends, with every row."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sweep.store.tables.reader import read_trials
from tests.cluster_sweeps import small_sweep

KILLS = 6
SECONDS_TO_END = 400
LATEST_KILL = 25.0
RUN = """
import faulthandler, signal
faulthandler.register(signal.SIGUSR1, all_threads=True)
from sweep.cli.main import main
main()
"""
OVERRIDES = (
    "convergence.max_epochs=2000000",
    "resources.checkpoint_seconds=0.2",
    "resources.workers=2",
    "resources.lanes_per_pack=2",
)


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep the machine busy until the end of the block."""
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def kill_and_run_again(folder: Path, seconds: float) -> float:
    """Kill a run after so many seconds, run the same command; return how long that took, s."""
    folder.mkdir()
    (folder / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    command = [sys.executable, "-c", RUN, "run", "small.yaml", *OVERRIDES, "--output", "out"]
    killed = subprocess.Popen([*command, "--quiet"], cwd=folder, stderr=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        killed.wait(seconds)
    killed.kill()
    killed.wait()
    began = time.monotonic()
    with (folder / "said").open("w") as said:
        again = subprocess.Popen([*command, "--json"], cwd=folder, stderr=said, stdout=said)
        try:
            again.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            again.send_signal(signal.SIGUSR1)
            time.sleep(5)
            again.kill()
            again.wait()
    assert again.returncode == 0, (folder / "said").read_text()
    assert len(read_trials(folder / "out")) == 4
    return time.monotonic() - began


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(KILLS * (SECONDS_TO_END + 60))
def test_after_a_kill_at_any_moment_on_a_busy_machine_the_same_command_ends(tmp_path):
    chance, took = random.Random(os.getpid()), []
    with busy(2 * (os.cpu_count() or 1)):
        for number in range(KILLS):
            moment = chance.uniform(0.0, LATEST_KILL)
            took.append(kill_and_run_again(tmp_path / str(number), moment))
    print(f"\n{KILLS} drivers killed, run again in {min(took):.0f} to {max(took):.0f} s")  # noqa: T201
