"""Claims: what is left is foretold from the trials that have finished, and only from those."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.cli.progress import describe_progress
from sweep.cluster.eta import Forecast, epochs_to_go
from sweep.cluster.ledger import SweepProgress
from sweep.planning.packs import Pack
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
    learned = replace(PROGRESS, epochs_left=594_000.0)
    assert " · about 1:39:00 left · " in describe_progress(learned, 100.0)
    assert "left" not in describe_progress(learned, 0.0)
