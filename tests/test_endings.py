"""What went wrong is told with the values that it is shown to go with, and no others."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sweep.reports.findings import Finding
from sweep.result import TrialResult
from sweep.store.tables.encoding import table_set_of
from sweep.trial import StopReason
from tests.store_fixtures import make_result
from tests.test_findings import findings_of

SEEDS = range(30)
RATES, CONSTANTS = (1, 2), (3, 4)


def table(make: Callable[[int, int, int], TrialResult]) -> pd.DataFrame:
    """Return trials of two axes of two levels and 30 seeds."""
    results = [make(rate, c, seed) for rate in RATES for c in CONSTANTS for seed in SEEDS]
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame.assign(false_convergence=False)


def ending(reason: StopReason, share: Callable[[int, int], float]) -> pd.DataFrame:
    """Return trials of which a share, by learning rate and constant, ends for that reason."""

    def make(rate: int, constant: int, seed: int) -> TrialResult:
        why = reason if seed < share(rate, constant) * len(SEEDS) else StopReason.CONVERGED
        return make_result(why, learning_rate=rate, initialiser_constant=constant, seed=seed)

    return table(make)


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        (StopReason.DIVERGED, "diverged"),
        (StopReason.MAX_EPOCHS, "unmet"),
        (StopReason.FAILED, "failed"),
    ],
)
def test_what_went_wrong_is_told_by_the_value_it_goes_with(
    tmp_path: Path, reason: StopReason, name: str
) -> None:
    found = findings_of(ending(reason, lambda rate, _: 0.5 if rate == 2 else 0.0), tmp_path)
    assert found["endings"].text.startswith("Of 120 trials 90 met their rule, 30 ")
    assert found[name].warning
    assert "30 of 120 (18% to 33%)" in found[name].text
    assert "More often with learning_rate 2: 30 of 60 (38% to 62%), against 0 of 60" in (
        found[name].text
    )
    figure = found[name].figure
    assert figure
    assert [mark.strong for mark in figure.marks] == [False, True]


def test_what_goes_with_no_value_is_said_to(tmp_path: Path) -> None:
    found = findings_of(ending(StopReason.DIVERGED, lambda *_: 0.1), tmp_path)["diverged"]
    assert "not shown to go with any value" in found.text
    assert found.figure is None


def test_where_all_went_wrong_no_value_is_to_blame(tmp_path: Path) -> None:
    found = findings_of(ending(StopReason.MAX_EPOCHS, lambda *_: 1.0), tmp_path)["unmet"]
    assert "As all did, no value is to blame." in found.text


def test_where_all_is_well_nothing_is_said(tmp_path: Path) -> None:
    found = findings_of(ending(StopReason.CONVERGED, lambda *_: 1.0), tmp_path)
    assert set(found) <= {"importance", "settings"}


@pytest.mark.parametrize(
    ("column", "bad", "good", "name"),
    [
        ("zero_outputs", 1, 0, "dead-outputs"),
        ("dead_units", 2, 0, "dead-units"),
        ("unit_distance", 0.0, 0.5, "symmetry"),
    ],
)
def test_what_columns_say_of_units_is_told(
    tmp_path: Path, column: str, bad: float, good: float, name: str
) -> None:
    def make(rate: int, constant: int, seed: int) -> TrialResult:
        outcome = {column: bad if constant == 4 else good}
        names = {"learning_rate": rate, "initialiser_constant": constant}
        return make_result(**names, seed=seed, outcome=outcome)

    found: Finding = findings_of(table(make), tmp_path)[name]
    assert "60 of 120 (41% to 59%)" in found.text
    assert "with initialiser_constant 4: 60 of 60" in found.text


def test_false_convergence_is_of_those_that_converged(tmp_path: Path) -> None:
    trials = ending(StopReason.MAX_EPOCHS, lambda rate, _: 0.5 if rate == 2 else 0.0)
    trials["false_convergence"] = (trials["stop_reason"] == "converged") & (trials["seed"] == 29)
    found = findings_of(trials, tmp_path)["false-convergence"]
    assert "4 of 90" in found.text


def test_a_trial_that_was_pruned_tells_nothing_of_limits(tmp_path: Path) -> None:
    def make(rate: int, constant: int, seed: int) -> TrialResult:
        why = StopReason.PRUNED if rate == 2 else StopReason.MAX_EPOCHS
        return make_result(why, learning_rate=rate, initialiser_constant=constant, seed=seed)

    found = findings_of(table(make), tmp_path)["unmet"]
    assert found.text.startswith("60 of 60 ")
    assert "As all did, no value is to blame." in found.text
