"""Claims: the page of a report carries every trial as it is, and texts in it are texts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweep.reports.page.document import build_page
from sweep.result import Curve
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_trials
from sweep.trial import StopReason
from tests.page_reading import PageReader
from tests.store_fixtures import make_result
from tests.test_reports_text import store


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
