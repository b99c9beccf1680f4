"""Records of searches are data that anybody may have written: damaged ones are named."""

import json
from pathlib import Path

import pytest

from sweep.errors import StoreError
from sweep.store.places.layout import ResultsDir
from sweep.store.searches import RecordedSearch, read_searches, record_search

RECORD = RecordedSearch(
    sweep="found",
    proposer="tpe",
    columns=("validation_loss",),
    directions=("minimise",),
    over="median",
    points=(("0" * 16,),),
)


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    record_search(ResultsDir(tmp_path), RECORD)
    (found,) = read_searches(ResultsDir(tmp_path))
    assert (found.columns, found.over, list(found.points)) == (
        ("validation_loss",),
        "median",
        [("0" * 16,)],
    )


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ["nope"]},
        {"columns": ["activation"]},
        {"columns": [5]},
        {"columns": []},
        {"directions": ["up"]},
        {"over": "max"},
        {"over": 7},
        {"points": 3},
        {"more": 1},
    ],
)
def test_a_record_of_no_search_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    directory = ResultsDir(tmp_path)
    record_search(directory, RECORD)
    path = tmp_path / "searches" / "found.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=r"found\.json: must be the record of a search"):
        read_searches(directory)


@pytest.mark.parametrize("text", ["", "null", "[1, 2", "[" * 100_000, "\x00"])
def test_a_file_that_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    directory = ResultsDir(tmp_path)
    record_search(directory, RECORD)
    (tmp_path / "searches" / "found.json").write_text(text)
    with pytest.raises(StoreError, match=r"found\.json: must be the record of a search"):
        read_searches(directory)
