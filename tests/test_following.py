"""Claims: who follows a sweep knows its rows as they are, and reads each but once."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.errors import StoreError
from sweep.store.places.layout import ResultsDir
from sweep.store.tables import writer
from sweep.store.tables.encoding import encode
from sweep.store.tables.following import Follower
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.object_store import uri
from tests.store_fixtures import make_result

SEEDS = st.integers(0, 5)
REASONS = st.sampled_from([StopReason.CONVERGED, StopReason.FAILED, StopReason.CANCELLED])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), SEEDS, REASONS),
        st.tuples(st.just("remove"), SEEDS),
        st.sampled_from([("flush",), ("look",), ("look",)]),
    ),
    max_size=14,
)


class Watcher:
    """What somebody knows who looks now and then."""

    def __init__(self, directory: ResultsDir) -> None:
        self.follower = Follower(directory)
        self.known: dict[str, str] = {}
        self.read = 0

    def look(self) -> None:
        news = self.follower.look()
        if news.restarted:
            self.known = {}
        for fresh in news.fresh:
            self.read += fresh.trials.num_rows
            ids, reasons = (fresh.trials[n].to_pylist() for n in ("trial_id", "stop_reason"))
            self.known |= dict(zip(ids, reasons, strict=True))


def held(directory: ResultsDir) -> dict[str, str]:
    trials = read_trials(directory.path)
    return dict(zip(trials["trial_id"], trials["stop_reason"], strict=True))


@settings(max_examples=10)
@given(STEPS)
def test_it_is_known_what_a_reader_would_find(steps: list[tuple[object, ...]]) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        directory = ResultsDir(folder / "results")
        watcher = Watcher(directory)
        watcher.look()
        with Writer(directory) as results:
            for minutes, (name, *given_) in enumerate(steps):
                if name == "append":
                    seed, reason = given_
                    result = make_result(reason, seed=seed, minutes=minutes)
                    results.append(encode([result], "study"))
                elif name == "remove":
                    results.remove([make_result(seed=given_[0]).trial.trial_id])
                elif name == "flush":
                    results.flush()
                else:
                    watcher.look()
            watcher.look()
            assert watcher.known == held(directory)
        watcher.look()
        assert watcher.known == held(directory)
    finally:
        shutil.rmtree(folder)


def test_each_row_is_read_once(tmp_path: Path) -> None:
    watcher = Watcher(ResultsDir(tmp_path))
    with Writer(ResultsDir(tmp_path)) as results:
        for seed in range(6):
            results.append(encode([make_result(seed=seed)], "study"))
            if seed == 3:
                results.flush()
            watcher.look()
    watcher.look()
    assert (len(watcher.known), watcher.read) == (6, 6)


def test_curves_come_with_rows_of_the_journal(tmp_path: Path) -> None:
    follower = Follower(ResultsDir(tmp_path))
    with Writer(ResultsDir(tmp_path)) as results:
        results.append(encode([make_result(seed=1)], "study"))
        (fresh,) = follower.look().fresh
    assert fresh.curves["loss"].to_pylist() == [1.0, 0.5, 0.25]
    assert fresh.trials["final_loss"].to_pylist() == [0.25]


def test_parts_put_together_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MOST_SMALL_PARTS", 2)
    watcher = Watcher(ResultsDir(tmp_path))
    with Writer(ResultsDir(tmp_path)) as results:
        for seed in range(8):
            results.append(encode([make_result(seed=seed)], "study"))
            results.flush()
            watcher.look()
    watcher.look()
    assert len(list((tmp_path / "trials").iterdir())) <= 2
    assert watcher.known == held(ResultsDir(tmp_path))


def test_a_damaged_journal_is_said(tmp_path: Path) -> None:
    follower = Follower(ResultsDir(tmp_path))
    with Writer(ResultsDir(tmp_path)) as results:
        results.append(encode([make_result(seed=1)], "study"))
        follower.look()
        (tmp_path / "journal.bin").write_bytes(b"x" * 100 + (tmp_path / "journal.bin").read_bytes())
        with pytest.raises(StoreError, match="must hold whole frames"):
            follower.look()


@pytest.mark.slow
def test_a_bucket_is_followed(served) -> None:
    directory = ResultsDir.at(uri(served, "followed"))
    watcher = Watcher(directory)
    watcher.look()
    with Writer(directory) as results:
        results.append(encode([make_result(seed=1)], "study"))
        watcher.look()
        results.append(encode([make_result(seed=2)], "study"))
        watcher.look()
        assert watcher.read == 2
    watcher.look()
    assert (watcher.read, watcher.known) == (2, held(directory))


def test_nothing_is_missed_after_a_look_that_failed(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    watcher = Watcher(directory)
    with Writer(directory) as results:
        for seed in (1, 2):
            results.append(encode([make_result(seed=seed)], "study"))
            results.flush()
        results.append(encode([make_result(seed=3)], "study"))
        (broken,) = directory.trials.glob("part-*2.parquet")
        whole = broken.read_bytes()
        broken.write_bytes(whole[:100])
        with pytest.raises(StoreError):
            watcher.look()
        broken.write_bytes(whole)
        watcher.look()
        assert watcher.known == held(directory)
        watcher.look()
        assert watcher.read == 3
