"""Claims: decisions of schedulers follow from values alone, in whatever order these come; a run
that is broken off goes on to the table that it would have had.
"""

import signal
from collections.abc import Callable
from math import floor, inf
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sweep
from sweep.config import parse_config
from sweep.engines.state import curve_epochs
from sweep.planning import expand
from sweep.result import Provenance
from sweep.running.driver import run_on
from sweep.running.inline import InlineExecutor
from sweep.running.options import RunOptions, RunSummary
from sweep.scheduling.rungs import rung_epochs
from sweep.scheduling.schedule import Schedule
from sweep.scheduling.values import RungValues
from sweep.store.tables.schema import columns_of
from tests.sweepfiles import faults_of, small

ASHA = {"name": "asha", "first_rung": 10, "eta": 3}
RATES = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]
PROVENANCE = [column.name for column in columns_of(Provenance)]


# Where rungs lie


def test_rungs_lie_at_recorded_epochs_nearest_to_a_geometric_series():
    assert rung_epochs(10, 3, 1000).tolist() == [10, 32, 89, 282, 794]
    assert rung_epochs(10, 3, 794).tolist() == [10, 32, 89, 282]
    assert rung_epochs(10, 3, 10).tolist() == []
    assert rung_epochs(1, 1.01, 4).tolist() == [1, 2, 3]


@given(st.integers(1, 10**6), st.floats(1.01, 100), st.integers(1, 10**7))
def test_every_rung_is_an_epoch_whose_loss_all_curves_keep(first, eta, limit):
    rungs = rung_epochs(first, eta, limit)
    assert np.isin(rungs, curve_epochs()).all()
    assert (np.diff(rungs) > 0).all()
    assert (rungs < limit).all()


# Decisions


def successive_halving(worth: np.ndarray, eta: float) -> list[int]:
    """Return how many rungs each setting passes: the reference, in the words of the paper."""
    passed, inside = [0] * len(worth), list(range(len(worth)))
    for rung in range(worth.shape[1]):
        n_kept = max(1, floor(len(worth) / eta ** (rung + 1) + 1e-9))
        ranked = sorted(inside, key=lambda setting: (worth[setting, rung], setting))
        inside = sorted(s for s in ranked[:n_kept] if worth[s, rung] < inf)
        for setting in inside:
            passed[setting] += 1
    return passed


def median_rule(worth: np.ndarray) -> list[int]:
    """Return how many rungs each setting passes by the median of running means."""
    passed, inside = [0] * len(worth), list(range(len(worth)))
    for rung in range(worth.shape[1]):
        means = sorted(np.mean(worth[s, : rung + 1]) for s in inside)
        if not means:
            break
        middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
        bests = {s: min(worth[s, : rung + 1]) for s in inside}
        inside = [s for s in inside if bests[s] < inf and bests[s] <= middle]
        for setting in inside:
            passed[setting] += 1
    return passed


def schedule_of(n_settings: int, replicates: int, scheduler: Any, epochs: int = 300) -> Schedule:
    rates = {"linear": {"from": 0.1, "to": 1.0, "count": n_settings}} if n_settings > 1 else 0.1
    grid = {"learning_rate": rates, "replicates": replicates}
    config = parse_config(small(grid=grid, scheduler=scheduler, convergence={"max_epochs": epochs}))
    assert config.scheduler is not None
    return Schedule.of(expand(config), config.scheduler)


def play(
    schedule: Schedule, worth: np.ndarray, next_batch: Callable[[list[Any]], list[Any]]
) -> np.ndarray:
    """Return how many epochs each trial trains, results arriving as `next_batch` takes them."""
    trained = np.zeros(len(worth), int)
    ids = [f"{number:016x}" for number in schedule.grid.cells.trial_ids.tolist()]
    under_way: list[Any] = []
    while True:
        under_way += [(row, step.until) for step in schedule.due() for row in step.rows.tolist()]
        if not under_way:
            assert schedule.is_over()
            return trained
        batch = next_batch(under_way)
        under_way = [item for item in under_way if item not in batch]
        rows = [row for row, _ in batch]
        assert all(until is None or until > trained[row] for row, until in batch)
        for row, until in batch:
            trained[row] = until or 300
        known = schedule.rungs[None, :] <= trained[rows][:, None]
        losses = np.where(known, worth[rows], np.nan)
        ended = np.array([until is None for _, until in batch])
        values = {"loss": losses, "validation_loss": np.full_like(losses, np.nan)}
        schedule.note(RungValues([ids[row] for row in rows], ended, values))


def rungs_passed(schedule: Schedule, trained: np.ndarray) -> list[int]:
    """Return how many rungs each trial passed: those below the epochs that it trained."""
    return (schedule.rungs[None, :] < trained[:, None]).sum(axis=1).tolist()


WORTHS = st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5, inf])


@st.composite
def plays(draw: st.DrawFn, replicates: int = 1) -> tuple[int, np.ndarray, Callable[..., Any]]:
    """Draw a number of settings, what their trials are worth at 4 rungs, and an order."""
    n = draw(st.integers(1, 12))
    rows = st.lists(WORTHS, min_size=4, max_size=4)
    worth = np.array(draw(st.lists(rows, min_size=n * replicates, max_size=n * replicates)))
    random = draw(st.randoms(use_true_random=False))

    def some(under_way: list[Any]) -> list[Any]:
        return random.sample(under_way, random.randint(1, len(under_way)))

    return n, worth, some


@given(plays(), st.sampled_from([2.0, 3.0, 4.0]))
def test_asha_is_successive_halving_in_whatever_order_values_come(play_of, eta):
    n, worth, some = play_of
    schedule = schedule_of(n, 1, {"name": "asha", "first_rung": 2, "eta": eta})
    worth = np.resize(worth, (n, len(schedule.rungs)))
    trained = play(schedule, worth, some)
    assert rungs_passed(schedule, trained) == successive_halving(worth, eta)


@given(plays())
def test_the_median_rule_is_that_of_the_paper_at_rungs(play_of):
    n, worth, some = play_of
    schedule = schedule_of(n, 1, {"name": "median", "first_rung": 10, "eta": 3})
    worth = np.resize(worth, (n, len(schedule.rungs)))
    trained = play(schedule, worth, some)
    assert rungs_passed(schedule, trained) == median_rule(worth)


@given(plays(replicates=3))
def test_the_seeds_of_a_setting_are_judged_by_their_median(play_of):
    n, worth, some = play_of
    schedule = schedule_of(n, 3, ASHA)
    trained = play(schedule, worth, some).reshape(n, 3)
    medians = np.sort(worth.reshape(n, 3, 4), axis=1)[:, 1][:, : len(schedule.rungs)]
    assert (trained == trained[:, :1]).all()
    assert rungs_passed(schedule, trained[:, 0]) == successive_halving(medians, 3)


@given(plays(), st.integers(1, 4))
def test_hyperband_is_asha_within_brackets_that_begin_later(play_of, brackets):
    n, worth, some = play_of
    scheduler = {"name": "hyperband", "first_rung": 10, "eta": 3, "brackets": brackets}
    schedule = schedule_of(n, 1, scheduler)
    worth = np.resize(worth, (n, len(schedule.rungs)))
    firsts = {s: c.rungs.start for c in schedule.cohorts for s in c.settings.tolist()}
    trained = play(schedule, worth, some)
    expected = [0] * n
    for first in set(firsts.values()):
        own = [setting for setting in range(n) if firsts[setting] == first]
        passed = successive_halving(worth[own][:, first:], 3)
        for setting, count in zip(own, passed, strict=True):
            expected[setting] = first + count
    assert set(firsts.values()) <= set(range(brackets))
    assert rungs_passed(schedule, trained) == expected


def test_brackets_of_hyperband_have_the_shares_of_the_paper():
    schedule = schedule_of(4000, 1, {"name": "hyperband", "first_rung": 10, "eta": 3})
    sizes = {c.rungs.start: c.n_settings for c in schedule.cohorts}
    wanted = np.array([81 / 5, 27 / 4, 9 / 3, 3 / 2, 1.0])  # eta^s / (s + 1), s = 4 to 0 rungs
    found = np.array([sizes[first] for first in range(5)]) / 4000
    assert found == pytest.approx(wanted / wanted.sum(), abs=0.03)


def test_a_larger_plan_leaves_settings_in_their_brackets():
    scheduler = {"name": "hyperband", "first_rung": 10, "eta": 3}

    def brackets(rates: list[float]) -> dict[float, int]:
        config = parse_config(small(grid={"learning_rate": rates}, scheduler=scheduler))
        grid = expand(config)
        schedule = Schedule.of(grid, config.scheduler)
        return {
            grid.trial(int(s)).learning_rate: c.rungs.start
            for c in schedule.cohorts
            for s in c.settings
        }

    few, many = brackets(RATES[::2]), brackets(RATES)
    assert few.items() <= many.items()


def test_losses_on_other_scales_are_not_judged_against_each_other():
    config = parse_config(
        small(
            grid={"loss": ["mean_squared_error", "binary_cross_entropy"], "learning_rate": RATES},
            scheduler=ASHA,
        )
    )
    schedule = Schedule.of(expand(config), config.scheduler)
    assert [cohort.n_settings for cohort in schedule.cohorts] == [9, 9]


def test_the_points_of_a_search_are_judged_like_a_grid():
    interval = {"from": 0.01, "to": 10.0, "log": True}
    config = parse_config(
        small(
            search={"name": "sobol", "budget": 9},
            grid={"learning_rate": interval, "replicates": 2},
            scheduler=ASHA,
        )
    )
    schedule = Schedule.of(expand(config), config.scheduler)
    assert [cohort.n_settings for cohort in schedule.cohorts] == [9]
    assert [(len(step.rows), step.until) for step in schedule.due()] == [(18, 10)]


# Runs


def asked(**changes: Any) -> dict[str, Any]:
    """Return a sweep of 9 learning rates with 2 seeds each, of which 2 trials train to the end."""
    grid = {"learning_rate": RATES, "replicates": 2}
    return small(
        **{
            "grid": grid,
            "scheduler": ASHA,
            "convergence": {"max_epochs": 200},
            "record": {"state": "resumable"},
        }
        | changes
    )


def run(tree: dict[str, Any], output: Path, **options: Any) -> RunSummary:
    asked_for = RunOptions(output=output, use_ray=False)
    return run_on(InlineExecutor(), parse_config(tree), asked_for, **options)


def table(path: Path) -> pd.DataFrame:
    """Return the trials as they are but for where and when each was trained."""
    trials = sweep.read_trials(path, columns="all").drop(columns=PROVENANCE)
    return trials.sort_values("trial_id").reset_index(drop=True)


def curves(path: Path) -> pd.DataFrame:
    order = ["trial_id", "phase", "epoch"]
    return sweep.read_curves(path).sort_values(order).reset_index(drop=True)


def assert_same(found: Path, expected: Path) -> None:
    pd.testing.assert_frame_equal(table(found), table(expected), check_exact=True)
    pd.testing.assert_frame_equal(curves(found), curves(expected), check_exact=True)


@pytest.fixture(scope="module")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run with a scheduler."""
    path = tmp_path_factory.mktemp("pruned") / "results"
    summary = run(asked(), path)
    assert (summary.trained, summary.pruned, summary.missing) == (18, 16, 0)
    return path


@pytest.mark.slow
def test_the_worse_settings_stop_at_rungs_and_the_best_trains_to_its_end(pruned):
    trials = sweep.read_trials(pruned, columns="all")
    counts = trials.groupby(["epochs", "stop_reason", "status"]).size()
    assert counts.to_dict() == {
        (10, "pruned", "pruned"): 12,
        (32, "pruned", "pruned"): 4,
        (200, "max_epochs", "finished"): 2,
    }
    at_32 = trials[trials["epochs"] >= 32]
    assert at_32["learning_rate"].nunique() == 3
    assert (at_32["resumed_from"] > 0).all()


@pytest.mark.slow
def test_a_second_run_with_the_scheduler_trains_nothing(pruned):
    before = sweep.read_trials(pruned, columns="all")
    summary = run(asked(), pruned)
    assert (summary.trained, summary.skipped, summary.missing) == (0, 18, 0)
    pd.testing.assert_frame_equal(sweep.read_trials(pruned, columns="all"), before)


@pytest.mark.slow
def test_without_the_scheduler_pruned_trials_go_on_to_what_they_would_have_been(tmp_path):
    run(asked(), tmp_path / "pruned")
    summary = run(asked(scheduler=None), tmp_path / "pruned")
    assert (summary.trained, summary.skipped, summary.missing) == (16, 2, 0)
    assert (sweep.read_trials(tmp_path / "pruned", columns="all")["resumed_from"] >= 10).all()
    run(asked(scheduler=None), tmp_path / "whole")
    assert_same(tmp_path / "pruned", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 5])
def test_the_table_is_the_same_whatever_the_packs(pruned, tmp_path, lanes):
    run(asked(resources={"lanes_per_pack": lanes}), tmp_path / "other")
    assert_same(tmp_path / "other", pruned)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2], ids=["stopped", "ended at once"])
@pytest.mark.parametrize("event", [4, 12, 20, 30])
def test_a_run_broken_off_goes_on_to_the_same_table(pruned, tmp_path, monkeypatch, times, event):
    monkeypatch.setattr("sweep.running.executor.SECONDS_BETWEEN_TICKS", 0.0)
    monkeypatch.setattr("sweep.engines.fused.engine.MOST_CHUNK_EPOCHS", 7)
    tree, seen = asked(resources={"lanes_per_pack": 5}), 0

    def interrupt(_: object) -> None:
        nonlocal seen
        seen += 1
        for _ in range(times if seen == event else 0):
            signal.raise_signal(signal.SIGINT)

    try:
        summary = run(tree, tmp_path / "other", on_progress=interrupt)
        assert summary.interrupted
        assert times == 1
    except KeyboardInterrupt:
        assert times == 2
    assert len(sweep.read_trials(tmp_path / "other", columns="all")) <= 18
    summary = run(tree, tmp_path / "other")
    assert summary.missing == 0
    assert_same(tmp_path / "other", pruned)


@pytest.mark.ray
@pytest.mark.slow
def test_on_ray_the_table_is_that_of_one_process(pruned, tmp_path):
    resources = {"workers": 2, "lanes_per_pack": 4}
    summary = sweep.run(asked(resources=resources), output=tmp_path / "other")
    assert (summary.trained, summary.pruned, summary.missing) == (18, 16, 0)
    assert_same(tmp_path / "other", pruned)


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("lanes", [1, 2, 4, 7, 18])
def test_twenty_runs_on_any_workers_and_packs_give_the_same_table(pruned, tmp_path, workers, lanes):
    resources = {"workers": workers, "lanes_per_pack": lanes, "cpus_per_pack": 0.3}
    sweep.run(asked(resources=resources), output=tmp_path / "other")
    assert_same(tmp_path / "other", pruned)


@pytest.mark.slow
def test_trials_that_were_trained_before_count_by_what_they_were_worth_at_the_rungs(
    pruned, tmp_path
):
    worst = asked(scheduler=None, grid={"learning_rate": RATES[:2] + RATES[-1:], "replicates": 2})
    run(worst, tmp_path / "other")
    run(asked(), tmp_path / "other")
    trials, expected = table(tmp_path / "other"), table(pruned)
    held = set(RATES[:2] + RATES[-1:])
    assert (trials[trials["learning_rate"].isin(held)]["epochs"] == 200).all()
    others, wanted = (
        found[~found["learning_rate"].isin(held)].reset_index(drop=True)
        for found in (trials, expected)
    )
    pd.testing.assert_frame_equal(others, wanted)


@pytest.mark.slow
def test_a_trial_left_behind_does_not_end_as_another_on_its_path_did(tmp_path):
    rules = [{"max_epochs": 200}, {"max_epochs": 200, "target": {"loss": 1e-9}}]
    tree = asked(grid={"learning_rate": [10.0, 30.0]}, convergence=rules)
    run(tree, tmp_path / "results")
    before = table(tmp_path / "results")
    assert before["stop_reason"].value_counts().to_dict() == {"pruned": 3, "max_epochs": 1}
    summary = run(tree, tmp_path / "results")
    assert (summary.trained, summary.derived, summary.missing) == (0, 0, 0)
    pd.testing.assert_frame_equal(table(tmp_path / "results"), before)


@pytest.mark.slow
def test_held_out_samples_judge_where_there_are_any(tmp_path):
    data = {"name": "uniform", "samples": 40, "features": 4, "validation": 0.5}
    tree = asked(dataset=data, grid={"learning_rate": RATES})
    run(tree, tmp_path / "results")
    trials, points = (
        sweep.read_trials(tmp_path / "results", columns="all"),
        curves(tmp_path / "results"),
    )
    at_rung = points[points["epoch"] == 10].set_index("trial_id")["validation_loss"]
    best = set(at_rung.nsmallest(3).index)
    assert set(trials[trials["epochs"] > 10]["trial_id"]) == best


# Sweep files


def test_what_a_scheduler_needs_is_said_of_all_at_once():
    record = {"curves": False, "state": "none"}
    scheduler = {"name": "asha", "metric": "validation_loss"}
    assert [(f.key, f.must) for f in faults_of(small(scheduler=scheduler, record=record))] == [
        ("record.curves", "be true with a scheduler, which judges by what curves keep"),
        ("record.state", "not be none with a scheduler: what passes a rung goes on from its state"),
        ("scheduler.metric", "be loss where no samples are held out"),
    ]


def test_held_out_losses_are_taken_every_epoch_for_a_scheduler():
    data = {"name": "uniform", "samples": 40, "features": 4, "validation": 0.5}
    tree = small(dataset=data, scheduler="asha", record={"validation_every": 5})
    assert [f.key for f in faults_of(tree)] == ["record.validation_every"]
    assert faults_of(tree, "scheduler={name: asha, metric: loss}") == ()


def test_a_scheduler_and_a_search_that_learns_from_results_exclude_each_other():
    tree = small(scheduler="asha", search={"optuna": "tpe", "budget": 4})
    (found,) = faults_of(tree)
    assert found.key == "scheduler"
    assert found.must.startswith("be left out with search.optuna")


@pytest.mark.parametrize(
    ("scheduler", "fault"),
    [
        ("ash", "one of asha, hyperband, median"),
        ({"name": "asha", "eta": 1}, "> 1"),
        ({"name": "asha", "eta": 101}, "<= 100"),
        ({"name": "asha", "first_rung": 0}, ">= 1"),
        ({"name": "hyperband", "brackets": 0}, ">= 1"),
        ({"name": "median", "brackets": 2}, "one of name, first_rung, eta, metric"),
        ({"name": "asha", "metric": "accuracy"}, "one of loss, validation_loss"),
    ],
)
def test_a_wrong_scheduler_is_refused(scheduler, fault):
    (found,) = faults_of(small(scheduler=scheduler))
    assert fault in found.must
