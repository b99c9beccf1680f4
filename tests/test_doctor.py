"""Whatever happens to the files of results, `sweep doctor` names it, and repairs without loss."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from sweep.cli.main import main
from sweep.errors import StoreError
from sweep.store import inspection
from sweep.store.places.journal import Journal
from sweep.store.places.layout import ResultsDir
from sweep.store.tables import parts
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.reader import read_curves, read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result


def frame(*seeds: int) -> bytes:
    return encode([make_result(seed=seed) for seed in seeds], "study")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return results of four trials in two parts."""
    with Writer(ResultsDir(tmp_path / "results")) as writer:
        writer.append(frame(1, 2))
        writer.flush()
        writer.append(frame(3, 4))
    return tmp_path / "results"


def doctor(results: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["doctor", str(results), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, done.output


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damaged_journal(results: Path) -> None:
    journal = Journal(results / "journal.bin")
    for seed in (5, 6, 7):
        journal.append(frame(seed))
    journal.close()
    data = bytearray((results / "journal.bin").read_bytes())
    data[len(data) // 2] ^= 1
    (results / "journal.bin").write_bytes(data)


def short_frame(results: Path) -> None:
    journal = Journal(results / "journal.bin")
    for payload in (frame(5), frame(6)[:7]):
        journal.append(payload)
    journal.close()


def torn_journal(results: Path) -> None:
    journal = Journal(results / "journal.bin")
    journal.append(frame(5))
    journal.append(frame(6))
    journal.close()
    cut(results / "journal.bin")


def duplicates(results: Path) -> None:
    parts.publish(ResultsDir(results), 3, table_set_of([make_result(seed=1)], "study"))


def better(results: Path) -> None:
    old = table_set_of([make_result(StopReason.CANCELLED, seed=9)], "study")
    parts.publish(ResultsDir(results), 3, old)
    parts.publish(ResultsDir(results), 4, table_set_of([make_result(seed=9)], "study"))


def foreign(results: Path) -> None:
    pd.DataFrame({"trial_id": ["x"]}).to_parquet(results / "trials/part-000009.parquet")


FAULTS: dict[str, tuple[Callable[[Path], object], str, list[int]]] = {
    "cut": (
        lambda r: cut(r / "trials/part-000001.parquet"),
        "trials/part-000001.parquet: must be a whole Parquet file",
        [3, 4],
    ),
    "cut curve": (
        lambda r: cut(r / "curves/part-000001.parquet"),
        "curves/part-000001.parquet: must be a whole Parquet file",
        [1, 2, 3, 4],
    ),
    "foreign": (foreign, "part-000009.parquet: must be a table written by sweep", [1, 2, 3, 4]),
    "stranger": (
        lambda r: (r / "curves/notes.txt").write_text("mine"),
        "notes.txt: is not a part of a table",
        [1, 2, 3, 4],
    ),
    "orphan": (
        lambda r: (r / "trials/part-000002.parquet").unlink(),
        "curves/part-000002.parquet: has no part of that number in trials/",
        [1, 2],
    ),
    "half": (
        lambda r: (r / "trials/.part-000003.parquet.7.tmp").write_bytes(b"PAR1"),
        ".part-000003.parquet.7.tmp: was left half written",
        [1, 2, 3, 4],
    ),
    "duplicates": (duplicates, "part-000003.parquet: holds 1 rows that others", [1, 2, 3, 4]),
    "better": (better, "part-000003.parquet: holds 1 rows that others", [1, 2, 3, 4, 9]),
    "journal": (damaged_journal, "journal.bin: must hold whole frames", [1, 2, 3, 4, 5]),
    "tail": (torn_journal, "bytes of a result that was never acknowledged", [1, 2, 3, 4, 5]),
    "run": (
        lambda r: ((r / "runs").mkdir(), (r / "runs/1.json").write_text("{}")),
        "runs/1.json: must be the record of a run",
        [1, 2, 3, 4],
    ),
    "short frame": (
        short_frame,
        "journal.bin: must be results of sweep",
        [1, 2, 3, 4, 5],
    ),
    "cut run": (
        lambda r: ((r / "runs").mkdir(), (r / "runs/1.json").write_text('{"config": "a: 1')),
        "runs/1.json: must be the record of a run",
        [1, 2, 3, 4],
    ),
    "checkpoint": (
        lambda r: (r / "checkpoints/a.checkpoint").write_bytes(b"SWPC"),
        "a.checkpoint: cannot be read",
        [1, 2, 3, 4],
    ),
}


def test_results_as_a_run_leaves_them_have_nothing_wrong(results: Path) -> None:
    assert doctor(results) == (0, f"{results}: nothing wrong\n")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named_and_repaired(results: Path, fault: str) -> None:
    harm, said, kept = FAULTS[fault]
    harm(results)
    before = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    code, output = doctor(results)
    assert code == 1
    assert said in output
    assert before == sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    code, output = doctor(results, "--repair")
    assert code == 0, output
    assert sorted(read_trials(results)["seed"]) == kept
    assert len(pd.read_parquet(results / "trials")) == len(kept)
    assert len(read_curves(results)) == 3 * len(kept) - (6 if fault == "cut curve" else 0)
    assert doctor(results)[0] == 0


def test_what_is_set_aside_is_kept_to_the_byte(results: Path) -> None:
    part = results / "trials/part-000001.parquet"
    part.write_bytes(b"what is left of it")
    doctor(results, "--repair")
    part.write_bytes(b"and once more")
    doctor(results, "--repair")
    kept = [path.read_bytes() for path in sorted((results / "damaged").glob("trials-*"))]
    assert kept == [b"what is left of it", b"and once more"]
    assert len(list((results / "damaged").glob("weights-*"))) == 1


@pytest.mark.parametrize("options", [(), ("--repair",)])
def test_results_being_written_are_left_alone(results: Path, options: tuple[str, ...]) -> None:
    with Writer(ResultsDir(results)):
        code, output = doctor(results, *options)
    assert code == 2
    assert "is being written by pid" in output


@pytest.mark.slow
def test_no_run_can_begin_between_inspection_and_repair(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[StoreError] = []
    look = inspection.inspect_results

    def look_while_a_run_begins(directory: ResultsDir) -> list[inspection.FileProblem]:
        problems = look(directory)
        try:
            Writer(directory).__enter__()
        except StoreError as error:
            refused.append(error)
        return problems

    monkeypatch.setattr(inspection, "inspect_results", look_while_a_run_begins)
    damaged_journal(results)
    assert doctor(results, "--repair")[0] == 0
    assert len(refused) == 2  # before the repair, and where it looks whether all is well
    assert sorted(read_trials(results)["seed"]) == [1, 2, 3, 4, 5]
