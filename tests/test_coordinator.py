"""Claims: what a worker says late, or said in an attempt before the last, decides nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.running.coordinator import Coordinator
from sweep.running.forecast import Forecast
from sweep.running.messages import Broken, Ended, Saved
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.training.work import Work
from tests.trials import make_trial, make_work

LOST = Ended(lost=True, attempts=4)
RAISED_FIRST = Broken("OSError: no such file", "trace", attempt=1)
RAISED_LAST = Broken("ValueError: ours", "trace", attempt=4)


@pytest.fixture
def work() -> Work:
    return make_work(make_trial(seed=1), make_trial(seed=2))


@pytest.fixture
def coordinator(tmp_path: Path, work: Work) -> Iterator[Coordinator]:
    with Writer(ResultsDir(tmp_path)) as writer:
        coordinator = Coordinator(writer, "small", 2, Forecast(2))
        coordinator.open(work)
        yield coordinator


def errors_of(coordinator: Coordinator, tmp_path: Path) -> set[str]:
    coordinator.writer.flush()
    return set(read_trials(tmp_path)["error"])


def test_what_an_earlier_attempt_raised_does_not_keep_a_dying_pack_whole(
    coordinator: Coordinator, work: Work
) -> None:
    coordinator.keep(work.pack.pack_id, RAISED_FIRST)
    assert len(coordinator.split(work.pack.pack_id, LOST)) == 2


def test_a_pack_that_raised_at_last_is_not_divided_but_says_why(
    coordinator: Coordinator, work: Work, tmp_path: Path
) -> None:
    coordinator.keep(work.pack.pack_id, RAISED_LAST)
    assert coordinator.split(work.pack.pack_id, LOST) == ()
    coordinator.keep(work.pack.pack_id, LOST)
    assert errors_of(coordinator, tmp_path) == {"ValueError: ours"}


def test_a_worker_that_died_is_not_blamed_on_what_an_earlier_one_raised(
    coordinator: Coordinator, work: Work, tmp_path: Path
) -> None:
    coordinator.keep(work.pack.pack_id, RAISED_FIRST)
    coordinator.keep(work.pack.pack_id, LOST)
    (error,) = errors_of(coordinator, tmp_path)
    assert error.startswith("the worker died every time")


def test_a_worker_given_up_is_not_heard_any_more(
    coordinator: Coordinator, work: Work, tmp_path: Path
) -> None:
    coordinator.split(work.pack.pack_id, LOST)
    coordinator.keep(work.pack.pack_id, Saved(b"late"))
    coordinator.keep(work.pack.pack_id, RAISED_LAST)
    assert not list((tmp_path / "checkpoints").glob("*"))
