"""Claims: what is left is foretold from the trials that have finished, and only from those."""

import itertools
import json
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.pack import Pack
from sweep.running.coordinator import SweepProgress
from sweep.running.forecast import Forecast, epochs_to_go
from sweep.running.wording import Speed, describe_progress, seconds_left
from tests.trials import make_trial, make_work

PROGRESS = SweepProgress(
    done=10,
    total=1000,
    failed=0,
    diverged=0,
    cancelled=0,
    epochs=5,
    active=3,
    waiting=4,
    seconds=60.0,
)


def pack_of(count: int, **changes: object) -> Pack:
    return make_work(*(make_trial(seed=seed, **changes) for seed in range(count))).pack


def ended(pack: Pack, *epochs: int | None, paths: int | None = None) -> Forecast:
    """Return the forecast after the first trials of `pack` have ended."""
    forecast = Forecast(paths or len(pack.trials))
    forecast.open(pack)
    for trial, count in zip(pack.trials, epochs, strict=False):
        forecast.end(trial.trial_id, count)
    return forecast


def test_nothing_is_foretold_before_three_have_finished() -> None:
    assert ended(pack_of(10), 100, 200).epochs_left(5000) is None
    assert ended(pack_of(10), 100, 200, None).epochs_left(5000) is None


def test_each_trial_left_takes_the_mean_of_the_finished() -> None:
    assert ended(pack_of(10), 100, 200, 300).epochs_left(600) == 7 * 200


def test_packs_not_yet_begun_count() -> None:
    assert ended(pack_of(10), 100, 200, 300, paths=60).epochs_left(600) == 57 * 200


def test_epochs_of_trials_under_way_are_not_counted_again() -> None:
    assert ended(pack_of(10), 100, 200, 300).epochs_left(600 + 500) == 7 * 200 - 500


def test_trials_that_outlive_the_mean_are_given_half_of_it() -> None:
    assert ended(pack_of(10), 100, 200, 300).epochs_left(1_000_000) == 7 * 100


def test_a_trial_learns_from_its_own_kind() -> None:
    quick, slow = pack_of(5), pack_of(5, activation="tanh")
    forecast = Forecast(10)
    for pack, epochs in ((quick, 10), (slow, 1000)):
        forecast.open(pack)
        for trial in pack.trials[:3]:
            forecast.end(trial.trial_id, epochs)
    assert forecast.epochs_left(3030) == 2 * 10 + 2 * 1000


def test_trials_of_one_path_share_their_epochs() -> None:
    paths = [make_trial(seed=seed) for seed in range(4)]
    trials = [replace(path, max_epochs=limit) for path in paths for limit in (50, 100)]
    forecast = ended(make_work(*trials).pack, 50, 100, 50, 100, 50, 100, paths=4)
    assert forecast.epochs_left(300) == 100


def test_a_row_that_comes_twice_counts_once() -> None:
    pack = pack_of(5)
    forecast = ended(pack, 100, 100, 100)
    forecast.end(pack.trials[0].trial_id, 9_999)
    forecast.end("f" * 16, 9_999)
    assert forecast.epochs_left(300) == 200


@given(st.lists(st.integers(1, 10**6), min_size=3, max_size=30), st.integers(0, 10**9))
def test_when_all_have_finished_nothing_is_left(epochs: list[int], more: int) -> None:
    assert ended(pack_of(len(epochs)), *epochs).epochs_left(sum(epochs) + more) == 0


@pytest.mark.parametrize(("begun", "left"), [(0, 1000), (400, 600), (500, 500), (9000, 500)])
def test_what_has_begun_takes_off_at_most_half(begun: int, left: int) -> None:
    assert epochs_to_go(1000, begun) == left


def test_time_left_is_said_once_there_is_something_to_learn_from() -> None:
    assert "left" not in describe_progress(PROGRESS, 100.0)
    learned = replace(PROGRESS, epochs_left=(7_500.0, 475_200.0))
    assert " · 1:00 to 1:39:00 left" in describe_progress(learned, 100.0)
    assert "left" not in describe_progress(learned, 0.0)


def replay(run: dict[str, Any]) -> list[tuple[float, float, float]]:
    """Return the least and the most time left as shown at moments of a run, and the true one."""
    forecast = Forecast(sum(len(pack["kinds"]) for pack in run["packs"]))
    seeds, events = itertools.count(), []
    for pack in run["packs"]:
        trials = [make_trial(seed=next(seeds), topology=(9 + k, 2, 9 + k)) for k in pack["kinds"]]
        events.append((pack["opened"], 0, partial(forecast.open, make_work(*trials).pack)))
        for trial, seconds, epochs in zip(trials, pack["ended"], pack["epochs"], strict=True):
            end = partial(forecast.end, trial.trial_id, epochs or None)
            events.append((seconds, 1, end))
    speed, shown = Speed(), []

    def show(seconds: float, epochs: int) -> None:
        rate, left = speed.update(seconds, epochs), forecast.range_left(epochs, run["most"])
        if left and rate:
            shown.append((*seconds_left(left, rate), run["seconds"] - seconds))

    events += [(seconds, 2, partial(show, seconds, epochs)) for seconds, epochs in run["marks"]]
    for _, _, happen in sorted(events, key=itemgetter(0, 1)):
        happen()
    return shown


def test_the_true_end_of_recorded_runs_lies_within_the_range_at_nine_moments_of_ten() -> None:
    runs = json.loads((Path(__file__).parent / "recorded_runs.json").read_text())
    shown = [moment for run in runs for moment in replay(run)]
    within = [low <= true <= high for low, high, true in shown]
    assert len(shown) > 200
    assert sum(within) >= 0.9 * len(within)


def test_no_more_is_left_than_up_to_the_limits() -> None:
    assert ended(pack_of(10), 100, 200, 300).range_left(600, 700) == (100.0, 100.0)
