"""Claims: what is shown of a sweep under way is what its results and its record say."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweep.live.places import key_of, paths_of, place_of, results_in
from sweep.live.record import record_of
from sweep.live.sweeps import WatchedSweep
from sweep.live.views import SweepState
from sweep.result import Curve, TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.runs import record_run
from sweep.store.tables.encoding import encode
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.object_store import uri
from tests.store_fixtures import make_result


def finished(seed: int, final_loss: float, **changes: Any) -> TrialResult:
    return make_result(seed=seed, minutes=seed, outcome={"final_loss": final_loss}, **changes)


def test_a_sweep_is_counted_as_its_trials_come(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path / "study")
    watched = WatchedSweep(directory)
    with Writer(directory) as results:
        record_run(directory, "name: study", {"overrides": [], "trials": 4, "done": 0})
        results.append(encode([finished(1, 0.5)], "study"))
        view = watched.look()
        assert (view.state, view.held, view.counts) == (SweepState.RUNNING, 1, {"finished": 1})
        assert view.varying == ()
        failed = make_result(StopReason.FAILED, seed=2, minutes=2, outcome={"error": "no 7"})
        also = make_result(StopReason.FAILED, seed=4, minutes=4, outcome={"error": "no 12"})
        results.append(encode([failed, finished(3, 0.1), also], "study"))
        results.flush()
        view = watched.look()
        assert view.counts == {"failed": 2, "finished": 2}
        assert view.reasons == {"converged": 2, "failed": 2}
        assert view.varying == ("seed",)
        assert [trial.settings for trial in view.latest] == [("4",), ("3",), ("2",), ("1",)]
        assert [trial.loss for trial in view.best] == [0.1, 0.5]
        assert view.best[0].curve == ((1, 1.0), (10, 0.5), (100, 0.25))
        (error,) = view.errors
        assert (error.error, error.trials) == ("no 7", 2)
        again = make_result(seed=2, minutes=9)
        results.append(encode([again], "study"))
        view = watched.look()
        assert view.counts == {"finished": 3, "failed": 1}
        assert [error.trials for error in view.errors] == [1]
        assert view.latest[0].trial_id == failed.trial.trial_id
    assert watched.look().state is SweepState.STOPPED


def test_what_was_there_before_is_found_too(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as results:
        many = [finished(seed, 1 / (seed + 1)) for seed in range(40)]
        results.append(encode(many, "study"))
    record_run(directory, "name: study", {"overrides": [], "trials": 40, "done": 40})
    view = WatchedSweep(directory).look()
    assert (view.state, view.held, view.done, view.total) == (SweepState.COMPLETE, 40, 40, 40)
    assert [trial.settings[0] for trial in view.best[:3]] == ["39", "38", "37"]
    assert [trial.settings[0] for trial in view.latest[:3]] == ["39", "38", "37"]
    assert all(len(trial.curve) == 3 for trial in (*view.latest, *view.best))


def test_results_without_a_record_of_a_run_are_not_said_to_lack_trials(tmp_path: Path) -> None:
    directory, cut_short = ResultsDir(tmp_path / "kept"), ResultsDir(tmp_path / "cut_short")
    assert WatchedSweep(directory).look().state is SweepState.STOPPED
    with Writer(directory) as results:
        results.append(encode([finished(1, 0.5)], "study"))
        assert WatchedSweep(directory).look().state is SweepState.RUNNING
    with Writer(cut_short) as results:
        cancelled = make_result(StopReason.CANCELLED, seed=2)
        results.append(encode([finished(1, 0.5), cancelled], "study"))
    view = WatchedSweep(directory).look()
    assert (view.state, view.held, view.total) == (SweepState.ENDED, 1, None)
    assert WatchedSweep(cut_short).look().state is SweepState.STOPPED


def test_a_long_curve_is_thinned_out_and_a_broken_one_left_out(tmp_path: Path) -> None:
    epochs = np.arange(1, 5_001)
    losses = 1 / epochs
    losses[10] = np.nan
    long = replace(finished(1, 0.5), curve=Curve.of_losses(epochs, losses))
    none = replace(finished(2, 0.5), curve=Curve.empty())
    with Writer(ResultsDir(tmp_path)) as results:
        results.append(encode([long, none], "study"))
    nothing, points = WatchedSweep(ResultsDir(tmp_path)).look().latest
    assert nothing.curve == ()
    assert (points.curve[0], points.curve[-1]) == ((1, 1.0), (5000, 1 / 5000))
    assert 30 < len(points.curve) <= 60


def test_losses_on_several_scales_are_said_to_be(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as results:
        two = [finished(1, 0.5), finished(2, 0.4, loss="mean_squared_error")]
        results.append(encode(two, "study"))
    view = WatchedSweep(ResultsDir(tmp_path)).look()
    assert view.mixed == ("loss",)


def test_a_record_of_anything_gives_plain_values_or_nothing() -> None:
    assert record_of(None) is None
    assert record_of({"text": 3}) is None
    odd: dict[str, Any] = {
        "text": "x",
        "done": "many",
        "total": -4,
        "seconds": float("inf"),
        "workers": [1, {"number": True, "host": ["a"], "trials": 3, "owed": 9}],
        "seconds_left": [None, "1"],
        "at": "yesterday",
        "errors": {"a": 1},
    }
    record = record_of(json.loads(json.dumps(odd)))
    assert record is not None
    assert (record.done, record.total, record.seconds, record.at) == (0, 0, 0.0, None)
    assert [(w.number, w.host, w.trials, w.done) for w in record.workers] == [(0, "", 3, 0)]
    assert record.seconds_left == (0.0, 0.0)


def test_sweeps_are_found_in_folders_and_named_by_where_they_lie(tmp_path: Path) -> None:
    for name in ("b", "a"):
        with Writer(ResultsDir(tmp_path / name)) as results:
            results.append(encode([finished(1, 0.5)], name))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    found = results_in([tmp_path, tmp_path / "a"])
    assert [directory.path.name for directory in found] == ["a", "b"]
    assert len({key_of(directory) for directory in found}) == 2
    assert results_in([tmp_path / "nowhere"]) == []


@pytest.mark.slow
def test_sweeps_in_a_bucket_are_found_and_watched(served) -> None:
    place = uri(served, "many")
    with Writer(ResultsDir.at(uri(served, "many/one"))) as results:
        results.append(encode([finished(1, 0.5)], "one"))
        results.directory.progress.write_bytes(b'{"text": "x", "phase": "training", "seconds": 9}')
        (found,) = results_in(paths_of([place]))
        view = WatchedSweep(found).look()
        assert (view.name, view.state, view.held) == ("one", SweepState.RUNNING, 1)
        assert (view.phase, view.seconds) == ("training", 9)
    assert place_of(found, [place]) == uri(served, "many/one")
