"""Nothing that was taken in is lost, torn or counted twice, whatever interrupts the writer."""

import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.errors import StoreError
from sweep.store.places.journal import Journal, replay
from sweep.store.places.layout import ResultsDir, TableName
from sweep.store.runs import record_run
from sweep.store.tables import parts, writer
from sweep.store.tables.encoding import encode, frame_of, table_set_of
from sweep.store.tables.reader import read_curves, read_trials
from sweep.store.tables.schema import SCHEMA_VERSION
from sweep.store.tables.snapshot import read_rows
from sweep.store.tables.table_set import TableSet
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result


def frame(*seeds: int, reason: StopReason = StopReason.CONVERGED, minutes: float = 1) -> bytes:
    results = [make_result(reason, minutes=minutes, seed=seed) for seed in seeds]
    return encode(results, "study")


def seeds_in(path: Path) -> list[int]:
    return sorted(read_trials(path)["seed"])


def reasons_in(path: Path) -> dict[int, str]:
    trials = read_trials(path)
    assert trials["trial_id"].is_unique
    return dict(zip(trials["seed"], trials["stop_reason"], strict=True))


@contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Make every write beyond `n_bytes` fail, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_trial_taken_in_twice_is_one_row(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as held:
        assert len(held.append(frame(1, 2))) == 2
        assert len(held.append(frame(2, 3))) == 1
        held.flush()
        assert held.append(frame(1, 2, 3)) == []
    with Writer(directory) as held:
        assert held.append(frame(3)) == []
    assert seeds_in(tmp_path) == [1, 2, 3]
    assert len(read_curves(tmp_path)) == 9


def test_what_was_taken_in_is_seen_before_it_is_published(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
        assert list((tmp_path / "trials").iterdir()) == []
        assert seeds_in(tmp_path) == [1]
        held.flush()
        assert seeds_in(tmp_path) == [1]


BETTERED = [StopReason.CANCELLED, StopReason.PRUNED, StopReason.FAILED, StopReason.TIME]


@pytest.mark.parametrize("reason", BETTERED)
@pytest.mark.parametrize("published", [False, True])
def test_a_better_ending_replaces_the_row_and_its_curve(
    tmp_path: Path, reason: StopReason, published: bool
) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1, 2, reason=reason))
        if published:
            held.flush()
        assert len(held.append(frame(1, minutes=2))) == 1
    assert reasons_in(tmp_path) == {1: "converged", 2: str(reason)}
    assert len(read_curves(tmp_path)) == 6


def test_a_good_ending_is_never_replaced(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
        assert held.append(frame(1, reason=StopReason.CANCELLED, minutes=9)) == []
    assert reasons_in(tmp_path) == {1: "converged"}


@pytest.mark.parametrize("minutes", [0, 2])
def test_of_two_pruned_rows_the_longer_counts_whatever_their_clocks_say(
    tmp_path: Path, minutes: float
) -> None:
    def pruned(epochs: int, minutes: float) -> bytes:
        result = make_result(StopReason.PRUNED, seed=1, epochs=epochs, minutes=minutes)
        return encode([result], "study")

    with Writer(ResultsDir(tmp_path)) as held:
        held.append(pruned(10, 1))
        held.flush()
        assert len(held.append(pruned(32, minutes))) == 1
        assert held.append(pruned(10, 9)) == []
        assert held.append(pruned(32, 9)) == []
    assert read_trials(tmp_path)["epochs"].tolist() == [32]


@pytest.mark.parametrize("reason", [StopReason.CANCELLED, StopReason.PRUNED, StopReason.TIME])
@pytest.mark.parametrize("minutes", [0, 2])
def test_a_failure_never_replaces_a_row_that_can_go_on(
    tmp_path: Path, reason: StopReason, minutes: float
) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1, reason=reason))
        held.append(frame(2, reason=StopReason.FAILED, minutes=minutes))
        held.flush()
        assert held.append(frame(1, reason=StopReason.FAILED, minutes=minutes)) == []
        assert len(held.append(frame(2, reason=reason))) == 1
    assert reasons_in(tmp_path) == {1: str(reason), 2: str(reason)}


@pytest.mark.slow
def test_a_killed_writer_loses_nothing(tmp_path: Path) -> None:
    code = """
import os, signal, sys
from tests.store_fixtures import make_result
from sweep.store.tables.encoding import encode
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.writer import Writer
from pathlib import Path
writer = Writer(ResultsDir(Path(sys.argv[1]))).__enter__()
writer.append(encode([make_result(seed=1)], "study"))
writer.flush()
writer.append(encode([make_result(seed=2)], "study"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    paths = os.pathsep.join(entry for entry in [*sys.path, str(Path.cwd())] if entry)
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert seeds_in(tmp_path) == [1, 2]
    with Writer(ResultsDir(tmp_path)):
        assert len(pd.read_parquet(tmp_path / "trials")) == 2


def test_a_second_writer_is_refused_by_name(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with (
        Writer(directory),
        pytest.raises(StoreError, match=f"is being written by pid {os.getpid()} on host"),
        Writer(directory),
    ):
        pass
    with Writer(directory):
        pass


@given(cut=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_torn_journal_keeps_every_whole_frame(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.bin"
    journal = Journal(path)
    payloads = [b"first", b"second" * 100, b"third" * 200]
    for payload in payloads:
        journal.append(payload)
    journal.close()
    whole = path.read_bytes()
    ends = [25, 645, 1665]
    path.write_bytes(whole[:cut])
    kept = [p for p, end in zip(payloads, ends, strict=True) if end <= cut]
    assert list(replay(path)) == kept
    reopened = Journal(path)
    reopened.append(b"after")
    reopened.close()
    assert list(replay(path)) == [*kept, b"after"]


def test_damage_before_the_end_of_the_journal_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "journal.bin"
    journal = Journal(path)
    journal.append(b"first")
    journal.append(b"second")
    journal.close()
    data = bytearray(path.read_bytes())
    data[22] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged at byte 0"):
        list(replay(path))
    with pytest.raises(StoreError, match="damaged at byte 0"):
        Journal(path)


def test_a_full_disk_leaves_every_earlier_file_whole(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as held:
        held.append(frame(1))
        held.flush()
        with file_size_limit(1000):
            with pytest.raises(StoreError, match=r"journal.bin: cannot be written .EFBIG"):
                held.append(frame(2))
            with pytest.raises(StoreError, match="free some space"):
                held.save_checkpoint("pack-1", bytes(2000))
        assert seeds_in(tmp_path) == [1]
        held.append(frame(3))
        with file_size_limit(1000), pytest.raises(StoreError, match=r"part-000002"):
            held.flush()
        assert seeds_in(tmp_path) == [1, 3]
    assert seeds_in(tmp_path) == [1, 3]
    assert len(pd.read_parquet(tmp_path / "trials")) == 2
    assert list(tmp_path.rglob("*.tmp")) == []


def test_a_crash_while_publishing_is_mended(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as held:
        held.append(frame(1))
    parts.publish(directory, 2, table_set_of([make_result(seed=2)], "study"))
    (tmp_path / "trials" / "part-000002.parquet").unlink()
    (tmp_path / "trials" / ".part-000002.parquet.1.tmp").write_bytes(b"half")
    assert len(read_curves(tmp_path)) == 3
    with Writer(directory) as held:
        held.append(frame(2))
    assert len(read_curves(tmp_path)) == 6
    assert len(pd.read_parquet(tmp_path / "curves")) == 6


def test_a_crash_while_replacing_is_mended(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    old = [make_result(StopReason.CANCELLED, seed=s) for s in (1, 2)]
    parts.clean(directory)
    parts.publish(directory, 1, table_set_of(old, "study"))
    parts.publish(directory, 2, table_set_of([make_result(seed=1, minutes=2)], "study"))
    parts.publish(directory, 3, table_set_of(old[1:], "study"))
    for _ in range(2):
        assert reasons_in(tmp_path) == {1: "converged", 2: "cancelled"}
        assert len(read_curves(tmp_path)) == 6
        with Writer(directory):
            pass
    assert len(pd.read_parquet(tmp_path / "trials")) == 2
    assert len(pd.read_parquet(tmp_path / "curves")) == 6


@pytest.mark.slow
def test_many_small_parts_become_one(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    with Writer(directory) as held:
        for seed in range(writer.MOST_SMALL_PARTS + 1):
            held.append(frame(seed))
            held.flush()
    assert len(list((tmp_path / "trials").iterdir())) == 2
    assert len(list((tmp_path / "curves").iterdir())) == 2
    assert seeds_in(tmp_path) == list(range(17))


@pytest.mark.slow
def test_parts_are_put_together_a_few_at_a_time(tmp_path: Path) -> None:
    directory = ResultsDir(tmp_path)
    parts.clean(directory)
    for seed in range(50):
        parts.publish(directory, seed + 1, table_set_of([make_result(seed=seed)], "study"))
    with Writer(directory):
        pass
    rows = [parts.count_rows(directory, number) for number in parts.part_numbers(directory)]
    assert rows == [1, 1, 16, 16, 16]
    assert seeds_in(tmp_path) == list(range(50))


@pytest.mark.slow
def test_parts_of_few_but_large_rows_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "SMALL_PART_BYTES", 1000)
    with Writer(ResultsDir(tmp_path)) as held:
        for seed in range(writer.MOST_SMALL_PARTS + 1):
            held.append(frame(seed))
            held.flush()
    assert len(list((tmp_path / "trials").iterdir())) == 17


RANKS = {
    StopReason.FAILED: 0,
    StopReason.CANCELLED: 1,
    StopReason.TIME: 1,
    StopReason.CONVERGED: 2,
}
OPERATIONS: st.SearchStrategy[list[tuple[str, list[int], StopReason | None]]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("append"),
            st.lists(st.integers(0, 5), min_size=1, unique=True),
            st.sampled_from(list(RANKS)),
        ),
        st.tuples(st.sampled_from(["flush", "crash", "reopen"]), st.just([]), st.none()),
    ),
    max_size=12,
)


@pytest.mark.slow
@given(OPERATIONS)
@settings(max_examples=20, deadline=None)
def test_any_history_leaves_one_row_a_trial(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[tuple[str, list[int], StopReason | None]],
) -> None:
    path = tmp_path_factory.mktemp("history")
    held = Writer(ResultsDir(path)).__enter__()
    expected: dict[int, StopReason] = {}
    for minute, (what, seeds, reason) in enumerate(history):
        if reason is not None:
            held.append(frame(*seeds, reason=reason, minutes=minute))
            better = {s for s in seeds if RANKS[expected.get(s, StopReason.FAILED)] > RANKS[reason]}
            expected |= dict.fromkeys(set(seeds) - better, reason)
        elif what == "flush":
            held.flush()
        elif what == "crash":  # what a killed process leaves, in a new place without its lock
            copy = path.with_name(path.name + "x")
            shutil.copytree(path, copy)
            held.__exit__(None, None, None)
            path = copy
            held = Writer(ResultsDir(path)).__enter__()
        else:
            held.__exit__(None, None, None)
            held = Writer(ResultsDir(path)).__enter__()
    held.__exit__(None, None, None)
    assert reasons_in(path) == expected
    assert len(read_curves(path)) == 3 * len(expected)
    assert len(pd.read_parquet(path / "trials")) == len(expected)


@pytest.mark.parametrize("content", [b"", b"PAR1 cut off", b"not parquet at all"])
def test_a_truncated_part_is_named(tmp_path: Path, content: bytes) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
    (tmp_path / "trials" / "part-000002.parquet").write_bytes(content)
    with pytest.raises(StoreError, match=r"part-000002.parquet: must be a whole Parquet file"):
        read_trials(tmp_path)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
    foreign = pd.DataFrame({"trial_id": ["x"]})
    foreign.to_parquet(tmp_path / "trials" / "part-000002.parquet")
    with pytest.raises(StoreError, match=r"part-000002.parquet: must be a table written by sweep"):
        read_trials(tmp_path)
    (tmp_path / "trials" / "part-000002.parquet").rename(tmp_path / "trials" / "mine.parquet")
    with pytest.raises(StoreError, match=r"mine.parquet: must be a part of a table"):
        read_trials(tmp_path)


def as_version(table: pa.Table, version: int) -> pa.Table:
    metadata = {**table.schema.metadata, b"sweep.schema_version": str(version).encode()}
    return table.replace_schema_metadata(metadata)


def rewrite_as_version(path: Path, version: int, *, without: str) -> None:
    table = pq.read_table(path, partitioning=None).drop_columns([without])
    pq.write_table(as_version(table, version), path)


def older_frame(seed: int) -> bytes:
    """Return a frame as version 1 wrote it: four tables, columns missing that came later."""
    frame = b""
    for name, table in list(table_set_of([make_result(seed=seed)], "study").tables.items())[:4]:
        since = ["pretraining_epochs", "input_noise"] if name is TableName.TRIALS else []
        sink = io.BytesIO()
        older = as_version(table.drop_columns(since), 1)
        with pa.ipc.new_stream(sink, older.schema) as stream:
            stream.write_table(older)
        frame += len(sink.getvalue()).to_bytes(8, "little") + sink.getvalue()
    return frame


def test_a_journal_of_an_older_version_is_read_forward_and_published(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)):
        pass
    journal = Journal(tmp_path / "journal.bin")
    journal.append(older_frame(1))
    journal.append(frame(2))
    journal.close()
    assert read_trials(tmp_path)["input_noise"].tolist() == ["none", "none"]
    with Writer(ResultsDir(tmp_path)):
        pass
    assert not list(replay(tmp_path / "journal.bin"))
    assert sorted(pd.read_parquet(tmp_path / "trials")["seed"]) == [1, 2]
    assert len(read_curves(tmp_path)["trial_id"].unique()) == 2


def test_a_journal_with_numbers_missing_that_were_nan_is_read_and_published(tmp_path: Path) -> None:
    codes = {name: np.array([1]) for name in ("layer", "sample", "unit")}
    codes["activation"] = np.array([np.nan])
    batch = table_set_of([make_result(details={TableName.CODES: codes})], "study")
    table = batch.tables[TableName.CODES]
    empty = table.set_column(
        table.schema.get_field_index("activation"),
        table.schema.field("activation"),
        pa.array([None], pa.float64()),
    )
    with Writer(ResultsDir(tmp_path)):
        pass
    journal = Journal(tmp_path / "journal.bin")
    journal.append(frame_of(TableSet({**batch.tables, TableName.CODES: empty})))
    journal.close()
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(2))
    assert np.isnan(pq.read_table(tmp_path / "codes")["activation"].to_pylist()).tolist() == [True]


def test_an_older_part_is_read_forward_and_modernised_with_the_next_row(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
    part = tmp_path / "trials" / "part-000001.parquet"
    rewrite_as_version(part, 0, without="weight_decay")
    assert read_trials(tmp_path)["weight_decay"].tolist() == [0.0]
    before = part.read_bytes()
    with Writer(ResultsDir(tmp_path)):
        pass
    assert part.read_bytes() == before
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(2))
    assert pd.read_parquet(tmp_path / "trials")["weight_decay"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("column", "value"),
    [("flat_spot", 0.0), ("tied_weights", False), ("target_loss", None), ("git_revision", None)],
)
def test_a_part_written_before_a_column_was_added_is_read_and_extended(tmp_path, column, value):
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
    part = tmp_path / "trials" / "part-000001.parquet"
    rewrite_as_version(part, SCHEMA_VERSION, without=column)
    (found,) = read_rows(tmp_path, TableName.TRIALS, columns=[column])[column].to_pylist()
    assert found == value
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(2))
    assert pq.read_table(tmp_path / "trials")[column].to_pylist() == [value] * 2
    assert sorted(read_trials(tmp_path)["seed"]) == [1, 2]


def test_a_newer_part_is_named(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        held.append(frame(1))
    part = tmp_path / "trials" / "part-000001.parquet"
    rewrite_as_version(part, 99, without="weight_decay")
    with pytest.raises(StoreError, match=r"part-000001.parquet: .*got 99"):
        read_trials(tmp_path)


def test_checkpoints_are_replaced_and_dropped(tmp_path: Path) -> None:
    with Writer(ResultsDir(tmp_path)) as held:
        assert held.load_checkpoint("pack-1") is None
        held.save_checkpoint("pack-1", b"one")
        held.save_checkpoint("pack-1", b"two")
        assert held.load_checkpoint("pack-1") == b"two"
        held.drop_checkpoint("pack-1")
        held.drop_checkpoint("pack-1")
        assert held.load_checkpoint("pack-1") is None


def test_a_run_keeps_its_config_and_environment(tmp_path: Path) -> None:
    path = record_run(ResultsDir(tmp_path), "name: study\n", {"host": "here"})
    assert (tmp_path / "sweep.yaml").read_text() == "name: study\n"
    assert json.loads(path.read_text())["host"] == "here"
    assert path.parent == tmp_path / "runs"
