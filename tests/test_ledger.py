"""Claims: what a worker says late, or said in an attempt before the last, decides nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweep.running.coordinator import Ledger
from sweep.running.eta import Forecast
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
def ledger(tmp_path: Path, work: Work) -> Iterator[Ledger]:
    with Writer(ResultsDir(tmp_path)) as writer:
        ledger = Ledger(writer, "small", 2, Forecast(2))
        ledger.open(work)
        yield ledger


def errors_of(ledger: Ledger, tmp_path: Path) -> set[str]:
    ledger.writer.flush()
    return set(read_trials(tmp_path)["error"])


def test_what_an_earlier_attempt_raised_does_not_keep_a_dying_pack_whole(
    ledger: Ledger, work: Work
) -> None:
    ledger.keep(work.pack.pack_id, RAISED_FIRST)
    assert len(ledger.split(work.pack.pack_id, LOST)) == 2


def test_a_pack_that_raised_at_last_is_not_divided_but_says_why(
    ledger: Ledger, work: Work, tmp_path: Path
) -> None:
    ledger.keep(work.pack.pack_id, RAISED_LAST)
    assert ledger.split(work.pack.pack_id, LOST) == ()
    ledger.keep(work.pack.pack_id, LOST)
    assert errors_of(ledger, tmp_path) == {"ValueError: ours"}


def test_a_worker_that_died_is_not_blamed_on_what_an_earlier_one_raised(
    ledger: Ledger, work: Work, tmp_path: Path
) -> None:
    ledger.keep(work.pack.pack_id, RAISED_FIRST)
    ledger.keep(work.pack.pack_id, LOST)
    (error,) = errors_of(ledger, tmp_path)
    assert error.startswith("the worker died every time")


def test_a_worker_given_up_is_not_heard_any_more(
    ledger: Ledger, work: Work, tmp_path: Path
) -> None:
    ledger.split(work.pack.pack_id, LOST)
    ledger.keep(work.pack.pack_id, Saved(b"late"))
    ledger.keep(work.pack.pack_id, RAISED_LAST)
    assert not list((tmp_path / "checkpoints").glob("*"))
