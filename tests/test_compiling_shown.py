"""Claims: while something is compiled progress says so, and says nothing where all is cached."""

import os
import pty
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from sweep.kernel.compilation import cache_directory
from sweep.kernel.pointers import Pointed
from sweep.running.coordinator import Coordinator, RunPhase
from sweep.running.forecast import Forecast
from sweep.running.messages import Tally
from sweep.running.worker_loop import run_pack
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.writer import Writer
from sweep.training.work import Progress
from tests.cluster_sweeps import small_sweep
from tests.trials import make_trial, make_work

LINE = "compiling the kernel, once for this machine"


@dataclass
class Listener:
    """A channel that keeps the progress, and has a function compiled when it first hears some."""

    compiles: bool
    heard: list[Progress] = field(default_factory=list)

    def rows(self, results: object) -> None:
        pass

    def checkpoint(self, data: bytes) -> None:
        pass

    def should_stop(self) -> bool:
        return False

    def progress(self, progress: Progress) -> None:
        self.heard.append(progress)
        if self.compiles and len(self.heard) == 1:
            Pointed(nothing, [], tag="float64", sources=())


def nothing() -> None:
    pass


@pytest.mark.parametrize("compiles", [False, True])
def test_a_pack_is_compiling_from_the_first_cache_miss_until_lanes_train(
    compiles: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWEEP_CACHE_DIR", str(tmp_path))
    cache_directory.cache_clear()
    listener = Listener(compiles)
    run_pack(
        make_work(make_trial(max_epochs=3), engine="reference"), listener, checkpoint_seconds=30.0
    )
    cache_directory.cache_clear()
    before = [progress for progress in listener.heard if not progress.epochs]
    assert not before[0].compiling
    assert [progress.compiling for progress in before[1:]] == [compiles] * (len(before) - 1)
    assert not any(progress.compiling for progress in listener.heard if progress.epochs)


def test_a_run_compiles_while_a_worker_does_and_before_that_loads(tmp_path: Path) -> None:
    work = make_work(make_trial())
    with Writer(ResultsDir(tmp_path)) as writer:
        coordinator = Coordinator(writer, "small", 1, Forecast(1))
        coordinator.open(work)
        phases = []
        for tally in (
            Tally(waiting=1),
            Tally(waiting=1, compiling=1),
            Tally(epochs=5, active=1, compiling=1),
        ):
            coordinator.note(tally)
            phases.append((coordinator.progress().phase, coordinator.progress().compiling))
    assert phases == [(RunPhase.LOADING, 0), (RunPhase.COMPILING, 1), (RunPhase.TRAINING, 1)]


@pytest.mark.long
def test_a_terminal_says_so_at_the_first_run_alone(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(small_sweep()))
    first, second = (_seen_on_a_terminal(tmp_path, output) for output in ("a", "b"))
    assert LINE in first
    assert "compiling" not in second


def _seen_on_a_terminal(folder: Path, output: str) -> str:
    """Run a sweep with kernels kept in `folder`; return what a terminal is sent."""
    ours, theirs = pty.openpty()
    code = "import sys; from sweep.cli.main import run_process; sys.exit(run_process())"
    arguments = ["run", "small.yaml", "--no-ray", "--output", output]
    environment = os.environ | {"SWEEP_CACHE_DIR": str(folder / "kernels"), "COLUMNS": "200"}
    running = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment | {"TERM": "xterm"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:  # how the end of a terminal is told
        pass
    finally:
        os.close(ours)
    assert running.wait() == 0, seen
    return seen.decode()
