"""Claims: whoever watches a run from outside reads how far it is, and what its workers do."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import sweep
from sweep.api import run_sweep
from sweep.cli.main import main
from sweep.config import parse_config
from sweep.ray.assignments import Assignments
from sweep.running.coordinator import Coordinator, SweepProgress
from sweep.running.forecast import Forecast
from sweep.running.messages import Kind, Offer, Rows, Tally, WorkerState
from sweep.running.options import RunOptions
from sweep.running.recent import RecentTrials
from sweep.running.record import ProgressRecord
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.object_store import Proxy, uri
from tests.store_fixtures import make_result
from tests.sweepfiles import small


@pytest.mark.slow
def test_the_record_tells_of_a_run_while_it_trains_and_once_it_is_over(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    file = tmp_path / "progress.json"

    def look(_: SweepProgress) -> None:
        if file.exists():
            seen.append(json.loads(file.read_text()))

    study = small(
        grid={"seed": [0, 1, 2]},
        convergence={"max_epochs": 150_000},
        resources={"engine": "fused", "lanes_per_pack": 1},
    )
    options = RunOptions(output=tmp_path, use_ray=False)
    run_sweep(parse_config(study), options, on_progress=look)
    during = [record for record in seen if record["workers"]]
    assert during
    (worker,) = during[-1]["workers"]
    assert (worker["number"], worker["trials"], worker["attempt"]) == (1, 1, 1)
    assert during[-1]["pid"] == os.getpid()
    assert "ended" not in during[-1]
    over = json.loads(file.read_text())
    assert (over["done"], over["total"], over["workers"]) == (3, 3, [])
    assert over["ended"] >= over["started"]
    assert len(over["latest"]) == len(over["best"]) == 3
    assert "3/3 trials" in over["text"]


def test_the_status_of_a_sweep_under_way_says_how_far_it_is(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as results:
        results.append(encode([make_result(seed=1)], "study"))
        (tmp_path / "progress.json").write_text(json.dumps({"text": "1/2 trials\x1b[2J"}))
        said = CliRunner().invoke(main, ["status", str(tmp_path)]).output
        assert said.splitlines()[-1] == "1/2 trials\\x1b[2J"
        known = json.loads(CliRunner().invoke(main, ["status", str(tmp_path), "--json"]).output)
        assert known["latest"] == "1/2 trials\x1b[2J"
    assert "1/2" not in CliRunner().invoke(main, ["status", str(tmp_path)]).output


def test_a_run_that_trains_nothing_leaves_the_record_as_it_is(tmp_path: Path) -> None:
    study = small(resources={"engine": "fused"})
    sweep.run(study, output=tmp_path, use_ray=False)
    before = (tmp_path / "progress.json").read_bytes()
    sweep.run(study, output=tmp_path, use_ray=False)
    assert (tmp_path / "progress.json").read_bytes() == before


def test_the_best_and_the_errors_are_kept_apart_from_the_latest() -> None:
    recent = RecentTrials()
    losses = [0.5, 0.1, float("nan"), 0.3]
    good = [make_result(seed=n, outcome={"final_loss": loss}) for n, loss in enumerate(losses)]
    bad = [
        make_result(StopReason.FAILED, seed=n, outcome={"error": "E: no", "traceback": "at x"})
        for n in (7, 8)
    ]
    recent.hear(Rows.of(good, "study"))
    recent.hear(Rows.of(bad, "study"))
    assert [trial.loss for trial in recent.best] == [0.1, 0.3, 0.5]
    assert [trial.status for trial in recent.latest][:2] == ["failed", "failed"]
    assert recent.latest[0].trial_id == bad[1].trial.trial_id
    (kind,) = recent.errors.values()
    assert (kind.error, kind.traceback, kind.trials) == ("E: no", "at x", 2)


def test_the_last_record_follows_one_that_is_still_on_its_way(served: Proxy) -> None:
    directory = ResultsDir.at(uri(served, "record"))
    with Writer(directory) as results:
        coordinator = Coordinator(results, "study", 0, Forecast(1))
        record = ProgressRecord(directory, "study")
        served.faults.extend(["slow"])
        record.update(coordinator)
        record.end(coordinator)
    assert "ended" in json.loads(directory.progress.read_bytes())


def test_the_state_of_a_worker_is_that_of_the_pack_it_trains() -> None:
    kind = Kind(1.0, 0.0)
    held = Assignments(retries=1)
    held.offer(Offer("pack-a", kind, 5, b""))
    held.offer(Offer("pack-b", kind, 7, b""))
    held.hire(kind, 2)
    first, second = held.workers.values()
    held.enter(first, "node-1", b"")
    held.take(first)
    held.promise(first)
    first.tally = Tally(epochs=10, active=3, waiting=2)
    assert held.states(9) == (
        WorkerState(1, "node-1", "pack-a", 5, attempt=1, active=3, waiting=2),
        WorkerState(2, None),
    )
    assert held.states(1) == held.states(9)[:1]
    assert second.host is None
