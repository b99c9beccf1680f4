"""Claims: what is fetched of results is whole, new, and never mixed with other results."""

import json
import tarfile
from pathlib import Path

import pytest

from sweep.api import run_sweep
from sweep.errors import StoreError
from sweep.jobs import fetch as fetching
from sweep.jobs.archive import pack
from sweep.jobs.control import JobState, SweepJob
from sweep.running.options import RunOptions
from tests.cluster_sweeps import small_config

JOB = SweepJob(
    job_id="small-1",
    sweep="small",
    results="~/sweep-results/small",
    state=JobState.SUCCEEDED,
    message="",
    started=None,
    ended=None,
    exit_code=0,
    node_id=None,
)
TABLES = ("trials", "curves", "weights", "state", "ladder")
PARTS = {f"{table}/part-000001.parquet" for table in TABLES}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run_sweep(small_config(), RunOptions(output=tmp_path / "results", use_ray=False))
    return tmp_path / "results"


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def test_all_is_packed_once_and_then_only_what_is_new(results, tmp_path):
    archive = tmp_path / "x.tar"
    parts = pack(results, {}, archive)
    assert parts.keys() == PARTS
    packed = names(archive)
    assert packed[0] == "journal.bin"
    assert set(packed) > PARTS | {"sweep.yaml"}
    assert not [name for name in packed if name.startswith(("checkpoints", "writer"))]
    assert pack(results, parts, archive) == parts
    assert not PARTS & set(names(archive))
    longer = RunOptions(output=results, use_ray=False)
    run_sweep(small_config("grid.learning_rate=[0.3]"), longer)
    assert pack(results, parts, archive).keys() > PARTS
    assert {name for name in names(archive) if name.endswith(".parquet")} == {
        name.replace("1.parquet", "2.parquet") for name in PARTS
    }


def test_a_part_whose_trials_are_not_there_does_not_count(results, tmp_path):
    (results / "curves/part-000002.parquet").write_bytes(b"half")
    assert pack(results, {}, tmp_path / "x.tar").keys() == PARTS


@pytest.mark.parametrize(
    "text", ['{"sweep": "sm', "[]", '{"parts": 3}', '{"parts": [1]}', "[" * 10**5]
)
def test_a_damaged_note_of_what_was_fetched_is_named(tmp_path, text):
    (tmp_path / "fetched.json").write_text(text)
    with pytest.raises(StoreError, match=r"fetched\.json: must be what `sweep fetch` wrote"):
        fetching._require_own(tmp_path, JOB)


def test_other_results_in_the_folder_are_not_touched(results):
    with pytest.raises(StoreError, match="must be new, or hold only what was fetched"):
        fetching._require_own(results, JOB)
    held = {name: (results / name).stat().st_size for name in PARTS}
    record = {"sweep": "small", "results": JOB.results, "parts": held}
    (results / "fetched.json").write_text(json.dumps(record))
    assert fetching._require_own(results, JOB) == held
    run_sweep(small_config("grid.learning_rate=[0.3]"), RunOptions(output=results, use_ray=False))
    with pytest.raises(StoreError, match="got other results, which fetching would mix up"):
        fetching._require_own(results, JOB)
