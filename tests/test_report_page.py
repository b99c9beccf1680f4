"""Claims: the page of a report carries every trial as it is, and texts in it are texts."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.printable import printable_line, printable_text
from sweep.reports.page import apart
from sweep.reports.page.columns import Role, encode_columns
from sweep.reports.page.document import build_page
from sweep.reports.report import write_report
from sweep.result import Curve, TrialResult
from sweep.store.places.files import write_atomically
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode
from sweep.store.tables.reader import read_trials
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.page_reading import PageReader, decoded_column
from tests.store_fixtures import make_result


def store(path: Path, *results: TrialResult, sweep: str = "study") -> ResultsDir:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, sweep))
    return ResultsDir(path)


def page_of(directory: ResultsDir) -> PageReader:
    return PageReader(build_page(directory))


def test_a_page_carries_the_trials_of_its_table(tmp_path: Path) -> None:
    rates = [0.1, 0.01, 0.001]
    results = [
        make_result(learning_rate=rate, seed=seed, outcome={"final_loss": rate / (seed + 3)})
        for rate in rates
        for seed in range(2)
    ]
    directory = store(tmp_path, *results)
    page, table = page_of(directory), read_trials(directory.path)
    assert page.manifest["trials"] == 6
    for name in ("trial_id", "learning_rate", "seed", "final_loss", "status", "epochs"):
        assert page.column(name) == table[name].tolist()
    roles = {column["name"]: column["role"] for column in page.manifest["columns"]}
    assert roles == {
        "trial_id": "id",
        "learning_rate": "axis",
        "seed": "axis",
        **dict.fromkeys(["status", "stop_reason", "epochs", "final_loss"], "outcome"),
    }


def test_failed_trials_are_on_the_page_and_no_loss_of_theirs(tmp_path: Path) -> None:
    failed = make_result(StopReason.FAILED, seed=1, outcome={"error": "no </script> memory"})
    page = page_of(store(tmp_path, make_result(), failed))
    assert page.column("status") == ["finished", "failed"]
    assert page.column("final_loss") == [0.25, None]
    assert page.column("error") == [None, "no </script> memory"]


def test_curves_are_those_recorded_between_a_trials_first_and_last_epoch(tmp_path: Path) -> None:
    epochs = np.arange(1, 31)
    falling = replace(make_result(epochs=30), curve=Curve.of_losses(epochs, 1 / epochs))
    short = make_result(seed=1, epochs=10)
    page = page_of(store(tmp_path, falling, short))
    assert page.manifest["curves"]["epochs"] == list(range(1, 31))
    found = page.curves(0)
    assert found[:, 0] == pytest.approx(1 / epochs, rel=3e-3)
    assert found[[0, 9], 1] == pytest.approx([1, 0.25], rel=3e-3)
    assert np.isnan(found[10:, 1]).all()


HOSTILE = "</script><script>fail()</script>&\"'`\u2028\x1b[31m<!--"


def test_hostile_texts_are_texts(tmp_path: Path) -> None:
    def page_with(name: str) -> PageReader:
        told = {"error": name, "traceback": f"{name}\nmore"}
        results = [make_result(dataset=name, data_fingerprint="ab", seed=s) for s in range(2)]
        results += [make_result(), make_result(StopReason.FAILED, seed=9, outcome=told)]
        directory = store(tmp_path / f"study {len(name)}", *results, sweep=name)
        write_atomically(directory.config, f"name: {name}".encode())
        return page_of(directory)

    page = page_with(HOSTILE)
    assert page.manifest["sweep"] == printable_line(HOSTILE)
    assert page.column("error") == [None] * 3 + [printable_line(HOSTILE)]
    assert set(page.column("dataset")) == {printable_line(HOSTILE), "one-hot"}
    (told,) = (one for one in page.details["trials"].values() if "traceback" in one)
    assert told["traceback"] == printable_text(f"{HOSTILE}\nmore")
    assert page.elements == page_with("plain").elements
    assert "\x1b" not in page.text


def test_no_request_can_be_made(tmp_path: Path) -> None:
    page = page_of(store(tmp_path, make_result()))
    (policy,) = (str(found["content"]) for _, found in page.elements if "http-equiv" in found)
    assert policy.startswith("default-src 'none'")
    assert re.findall(r"https?:|//|\*|'self'", policy) == []
    links = [found.get("href") for _, found in page.elements if "href" in found]
    assert all(str(link).startswith("#") for link in links)  # within the page
    assert [found for _, found in page.elements if "src" in found] == []


numbers = st.one_of(st.none(), st.floats(allow_nan=False))
wholes = st.one_of(st.none(), st.integers(-(2**40), 2**40), st.integers(0, 300), st.integers(0, 9))
texts = st.one_of(st.none(), st.text(max_size=12))
truths = st.one_of(st.none(), st.booleans())


@given(st.lists(st.tuples(numbers, wholes, texts, truths), max_size=30))
def test_what_is_read_back_is_what_was_written(rows: list[tuple[Any, ...]]) -> None:
    final, epochs, activation, distinct = zip(*rows, strict=True) if rows else [()] * 4
    frame = pd.DataFrame(
        {
            "final_loss": np.array(final, dtype=np.float64),
            "epochs": pd.array(epochs, dtype="Int64"),
            "activation": pd.Series(activation, dtype="object"),
            "codes_distinct": pd.array(distinct, dtype="boolean"),
        }
    )
    columns = encode_columns(frame, dict.fromkeys(frame.columns, Role.OUTCOME))
    read = {c.name: decoded_column(c.described(0), c.data, len(frame)) for c in columns}
    assert read == {
        "final_loss": list(final),
        "epochs": list(epochs),
        "activation": [None if text is None else printable_line(text) for text in activation],
        "codes_distinct": [None if truth is None else str(truth).lower() for truth in distinct],
    }


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=20))
def test_other_outcomes_are_right_to_seven_digits(values: list[float]) -> None:
    frame = pd.DataFrame({"gradient_norm": values})
    (column,) = encode_columns(frame, {"gradient_norm": Role.OUTCOME})
    assert column.type == "f4"
    read = decoded_column(column.described(0), column.data, len(frame))
    assert read == pytest.approx(values, rel=1e-7)


def test_levels_are_in_the_order_of_the_numbers_within_them() -> None:
    names = ["16-4-16", "4-2-4", "one-hot-0.05", "8-3-8", "one-hot-0.1", "Relu", "10"]
    (column,) = encode_columns(pd.DataFrame({"topology": names}), {"topology": Role.AXIS})
    assert column.levels == [
        "4-2-4",
        "8-3-8",
        "10",
        "16-4-16",
        "Relu",
        "one-hot-0.05",
        "one-hot-0.1",
    ]
    assert decoded_column(column.described(0), column.data, len(names)) == names


def test_more_levels_than_a_byte_counts_are_told_apart() -> None:
    names = [f"text {number:03}" for number in range(300)]
    counts = pd.array([*range(300), None], dtype="Int64")
    frame = pd.DataFrame({"activation": [*names, None], "epochs": counts})
    columns = list(encode_columns(frame, dict.fromkeys(frame.columns, Role.AXIS)))
    assert {column.type for column in columns} == {"u2"}
    read = {c.name: decoded_column(c.described(0), c.data, len(frame)) for c in columns}
    assert read == {"activation": [*names, None], "epochs": [*range(300), None]}


@pytest.mark.slow
def test_a_report_in_two_processes_is_the_same_files(tmp_path: Path, monkeypatch: Any) -> None:
    rates = [0.1, 0.01]
    results = [make_result(learning_rate=rate, seed=seed) for rate in rates for seed in range(3)]
    directory = store(tmp_path / "results", *results)
    together = written(directory, tmp_path / "together")
    monkeypatch.setattr(apart, "MOST_TOGETHER", 5)
    assert apart.is_large(directory)
    assert written(directory, tmp_path / "apart") == together


def written(directory: ResultsDir, folder: Path) -> dict[str, bytes]:
    """Write the report of results into a folder; return its files."""
    folder.mkdir()
    write_report(directory, folder / "report.md")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize("rates", [[0.1, 0.1000000001, 0.3], [0.1 + n * 1e-7 for n in range(20)]])
def test_numbers_alike_in_the_digits_that_are_shown_are_one_level(
    tmp_path: Path, rates: list[float]
) -> None:
    results = [make_result(learning_rate=rate, seed=seed) for rate in rates for seed in range(2)]
    page = page_of(store(tmp_path, *results))
    levels = page.manifest["groups"]["learning_rate"]
    counts = [level["loss"]["n"] for level in levels.values()]
    assert sum(counts) == len(results)
    assert len(counts) < len(rates)


def test_a_page_is_made_of_trials_none_of_which_counts(tmp_path: Path) -> None:
    results = [make_result(StopReason.CANCELLED, learning_rate=rate) for rate in (0.1, 0.2)]
    page = page_of(store(tmp_path, *results))
    assert (page.manifest["trials"], page.manifest["fixed"]) == (0, {})
