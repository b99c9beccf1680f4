"""Claims held at length: `make test-long`, before a release."""

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweep.api import run_sweep
from sweep.config import load_config, parse_config
from sweep.errors import ConfigError
from sweep.planning import make_plan
from sweep.running.options import RunOptions
from sweep.store.tables.reader import read_trials
from sweep.trial import Trial
from tests.test_engines_agree import HIDDEN, differences, engines, featured, pack_beside
from tests.trials import make_trial

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
exhaustive = settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["sigmoid", "sgd", "one-hot", "16-4-16", "../..", "a:b", "no_such:thing", "> 1"]
    ),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def step_difference(trial: Trial) -> float:
    """Return by how much the engines differ after one step from states along the trajectory."""
    torch_engine, reference = engines(trial)
    lanes = pack_beside(trial)
    state = reference.begin(lanes)
    worst = 0.0
    for epochs in (1, 10, 60):
        mine, theirs = state.copy(), state.copy()
        torch_engine.advance(lanes, mine, 1)
        reference.advance(lanes, theirs, 1)
        worst = max(worst, *differences(mine, theirs).values())
        reference.advance(lanes, state, epochs)
    return worst


@thorough
@given(featured(hidden=HIDDEN))
def test_engines_agree_on_150_random_trials_in_float64(choice: dict[str, Any]) -> None:
    assert step_difference(make_trial(**choice)) < 1e-12


@thorough
@given(featured(hidden=HIDDEN, dtype="float32"))
def test_engines_agree_on_150_random_trials_in_float32(choice: dict[str, Any]) -> None:
    assert step_difference(make_trial(**choice)) < 1e-5


def paths_in(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(tree, dict):
        items = list(tree.items())
    else:
        items = list(enumerate(tree)) if isinstance(tree, list) else []
    return [path, *(inner for key, value in items for inner in paths_in(value, (*path, key)))]


@exhaustive
@given(st.sampled_from(sorted(ROOT.glob("configs/*.yaml"))), st.data())
def test_a_damaged_sweep_file_gives_a_plan_or_faults(config: Path, data: st.DataObject) -> None:
    tree = yaml.safe_load(config.read_text("utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([p for p in paths_in(tree) if p]))
        place = tree
        for key in path[:-1]:
            place = place[key]
        if data.draw(st.booleans()):
            place[path[-1]] = data.draw(TREES)
        elif isinstance(place, dict):
            place[data.draw(st.text(max_size=8))] = data.draw(TREES)
    with contextlib.suppress(ConfigError):
        plan = make_plan(parse_config(tree), workers=2)
        assert plan.missing == plan.trials


@exhaustive
@given(st.text(max_size=200))
def test_any_text_is_a_sweep_or_has_faults(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(text)


@contextlib.contextmanager
def workers_killed() -> Iterator[list[int]]:
    """Kill Ray workers at random meanwhile; yields the numbers of those killed so far."""
    stop, killed = threading.Event(), list[int]()
    killer = threading.Thread(target=kill_workers, args=(stop, killed))
    began = time.monotonic()
    killer.start()
    try:
        yield killed
    finally:
        stop.set()
        killer.join()
    print(f"{len(killed)} workers killed in {time.monotonic() - began:.0f} s")  # noqa: T201


def kill_workers(stop: threading.Event, killed: list[int]) -> None:
    """Kill a Ray worker now and then, but leave each the time to start and train a little."""
    while not stop.wait(random.Random(len(killed)).uniform(9, 14)):
        found = subprocess.run(["pgrep", "-f", "ray::ImplicitFunc"], capture_output=True, text=True)
        for pid in map(int, found.stdout.split()[:1]):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)


def test_the_quickstart_survives_workers_killed_again_and_again(tmp_path: Path) -> None:
    overrides = (
        "resources.engine=torch",
        "resources.retries=100",
        "resources.checkpoint_seconds=0.5",
        "convergence.max_epochs=120000",
        "convergence.early_stopping.min_delta=0",
    )
    config = load_config(ROOT / "configs/quickstart.yaml", overrides)
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    run_sweep(config, RunOptions(output=calm, workers=2))
    with workers_killed() as killed:
        summary = run_sweep(config, RunOptions(output=wild, workers=2))
    assert len(killed) >= 3
    assert (summary.trained, summary.failed) == (10, 0)
    columns = ["epochs", "final_loss", "stop_reason"]
    ends = [read_trials(p).set_index("trial_id").sort_index()[columns] for p in (calm, wild)]
    assert ends[0].equals(ends[1])


def test_100000_trials_are_each_in_the_table_once_though_workers_are_killed(
    tmp_path: Path,
) -> None:
    config = load_config(
        ROOT / "configs/many.yaml",
        (
            "grid.replicates=100000",
            "convergence={epochs: 1000}",
            "resources.retries=100",
            "resources.checkpoint_seconds=1",
            "record={curves: false, weights: false, ladder: false, state: none}",
        ),
    )
    with workers_killed() as killed:
        summary = run_sweep(config, RunOptions(output=tmp_path, workers=2))
    assert len(killed) >= 3
    assert (summary.trained, summary.failed) == (100_000, 0)
    trials = read_trials(tmp_path)
    assert set(trials["trial_id"]) == {trial.trial_id for trial in make_plan(config).grid}
    assert trials["trial_id"].is_unique
    assert set(trials["epochs"]) == {1000}
