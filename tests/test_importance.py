"""Importances are the shares of variance that known functions have, and noise has none."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweep.reports.statistics.forest import Feature, decompose_by_forest
from sweep.reports.statistics.importance import (
    Cells,
    Importances,
    Method,
    cells_of,
    decompose_alone,
    decompose_grid,
    is_full,
)
from sweep.result import TrialResult
from sweep.store.tables.encoding import table_set_of
from sweep.trial import StopReason
from tests.store_fixtures import make_result
from tests.test_findings import findings_of, table_of

SIZES = (3, 4, 2)
TABLES = 60
Function = Callable[..., float]


def drawn(function: Function, *, seeds: int, noise: float, rng: np.random.Generator) -> Cells:
    """Return the cells of a full grid, of which the levels are the arguments."""
    levels = np.array([c for c in product(*map(range, SIZES)) for _ in range(seeds)], np.int64)
    values = np.array([function(*level) for level in levels], np.float64)
    return cells_of(values + noise * rng.standard_normal(len(levels)), levels)


def truth(function: Function, noise: float) -> list[float]:
    """Return the shares by their definition: the mean variance over an axis, of the whole."""
    table = np.array([function(*c) for c in product(*map(range, SIZES))], np.float64)
    table = table.reshape(SIZES)
    total = table.var() + noise**2 or 1.0
    return [float(table.var(axis=i).mean() / total) for i in range(3)]


def additive(a: int, b: int, c: int) -> float:
    return a + 0.3 * b


def interaction(a: int, b: int, c: int) -> float:
    return (-1.0) ** (b + c)


def nothing(a: int, b: int, c: int) -> float:
    return 0.0


def values_of(found: Importances) -> list[float]:
    return [share.value for share in found.shares]


@pytest.mark.parametrize("function", [additive, interaction, nothing])
def test_shares_of_a_full_grid_are_those_of_the_function(function: Function) -> None:
    rng = np.random.default_rng(0)
    found = decompose_grid(drawn(function, seeds=200, noise=1.0, rng=rng), rng)
    assert found.method is Method.EXACT
    assert values_of(found) == pytest.approx(truth(function, 1.0), abs=0.03)
    exact = decompose_grid(drawn(function, seeds=3, noise=0.0, rng=rng), rng)
    assert values_of(exact) == pytest.approx(truth(function, 0.0), abs=1e-12)


def test_an_interaction_is_no_axis_by_itself() -> None:
    rng = np.random.default_rng(0)
    found = decompose_grid(drawn(interaction, seeds=3, noise=0.0, rng=rng), rng)
    assert values_of(found) == pytest.approx([0, 1, 1], abs=1e-12)
    assert found.alone == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.slow
def test_what_seeds_add_to_means_is_not_taken_for_importance() -> None:
    rng = np.random.default_rng(0)
    tables = [drawn(additive, seeds=2, noise=2.0, rng=rng) for _ in range(TABLES)]
    mean = np.mean([values_of(decompose_grid(cells, rng)) for cells in tables], axis=0)
    true = truth(additive, 2.0)
    assert mean[:2] == pytest.approx(true[:2], abs=0.05)
    raw = [cells.means.reshape(SIZES) for cells in tables]
    plain = np.mean([table.var(axis=0).mean() / table.var() for table in raw])
    assert plain > true[0] + 0.2  # as it would be without


@pytest.mark.slow
def test_noise_alone_is_hardly_ever_shown_to_matter() -> None:
    rng = np.random.default_rng(0)
    found = [
        decompose_grid(drawn(nothing, seeds=3, noise=1.0, rng=rng), rng, level=1 - 0.05 / 3)
        for _ in range(TABLES)
    ]
    assert sum(any(share.sign for share in one.shares) for one in found) <= 0.05 * TABLES


@pytest.mark.slow
def test_intervals_hold_the_share_as_often_as_they_claim() -> None:
    rng = np.random.default_rng(0)
    true = np.array(truth(additive, 1.0))
    held = np.zeros(3)
    for _ in range(TABLES):
        found = decompose_grid(drawn(additive, seeds=5, noise=1.0, rng=rng), rng)
        low, high = np.array([[share.low, share.high] for share in found.shares]).T
        held += (low <= true) & (true <= high)
    assert (held >= 0.9 * TABLES).all()


def test_one_seed_a_setting_tells_axes_by_themselves() -> None:
    rng = np.random.default_rng(0)
    found = decompose_grid(drawn(additive, seeds=1, noise=0.1, rng=rng), rng)
    assert found.method is Method.ADDITIVE
    assert values_of(found) == pytest.approx(truth(additive, 0.1), abs=0.05)
    assert [share.sign for share in found.shares] == [1, 1, 0]


def test_a_forest_finds_what_the_full_grid_has() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((300, 3))
    values = np.where(points[:, 0] < 0.5, 1.0, -1.0) + np.where(points[:, 1] < 0.25, 1.0, 0.0)
    codes = np.repeat(np.arange(300), 2)[:, None]
    cells = cells_of(np.repeat(values, 2) + 0.5 * rng.standard_normal(600), codes)
    found = decompose_by_forest(cells, [Feature(column) for column in points.T], rng)
    total = 1 + 3 / 16 + 0.25
    assert values_of(found) == pytest.approx([1 / total, 3 / 16 / total, 0], abs=0.06)
    assert [share.sign for share in found.shares] == [1, 1, 0]
    assert found.seeds == pytest.approx(0.25 / total, abs=0.04)
    assert found.explained > 0.8


def test_a_forest_shuffles_an_option_only_where_it_applies() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat([0.0, 1.0], 100)
    slope = np.where(kind == 1, rng.random(200), np.nan)
    values = 5 * kind  # the option itself does nothing
    cells = cells_of(values, np.arange(200)[:, None])
    found = decompose_by_forest(cells, [Feature(kind, options=[1]), Feature(slope)], rng)
    assert values_of(found) == pytest.approx([1, 0], abs=0.1)


def test_axes_by_themselves_are_told_apart_from_seeds() -> None:
    rng = np.random.default_rng(0)
    settings = np.array([[0, 0], [1, 0], [0, 1]], np.int64)  # one thing at a time
    codes = np.repeat(settings, 50, axis=0)
    cells = cells_of(3.0 * codes[:, 0] + rng.standard_normal(150), codes)
    assert not is_full(cells)
    found = decompose_alone(cells, rng)
    assert found.shares[0].value == pytest.approx(2 / 3, abs=0.06)
    assert found.seeds == pytest.approx(1 / 3, abs=0.06)


def test_importance_names_the_axis_that_matters_and_not_the_other(tmp_path: Path) -> None:
    trials = table_of(
        lambda learning_rate, initialiser_constant: np.log10(learning_rate),
        seeds=5,
        noise=0.1,
        learning_rate=[0.1, 1, 10],
        initialiser_constant=[1, 2],
    )
    found = findings_of(trials, tmp_path)["importance"]
    assert found.title == "What matters: learning_rate"
    assert "Not shown to matter: initialiser_constant." in found.text
    assert found.figure
    assert [mark.strong for mark in found.figure.marks] == [True, False]
    assert found.figure.reference == pytest.approx(0.01 / (2 / 3 + 0.01), abs=0.01)
    assert not found.warning


def test_where_nothing_matters_it_is_said(tmp_path: Path) -> None:
    trials = table_of(
        lambda **_: -2.0, seeds=5, noise=0.3, learning_rate=[1, 2, 3], initialiser_constant=[1, 2]
    )
    found = findings_of(trials, tmp_path)["importance"]
    assert found.title == "No hyperparameter is shown to matter"
    assert found.brief == "No hyperparameter is shown to matter."


def frame_of(results: list[TrialResult]) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame.assign(false_convergence=False)


def test_axes_that_change_together_are_said_to(tmp_path: Path) -> None:
    results = [
        make_result(learning_rate=rate, initialiser_constant=rate / 2, seed=seed, outcome=outcome)
        for rate in (1, 2)
        for seed in range(5)
        if (outcome := {"final_loss": rate + 0.01 * seed})
    ]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert found.warning
    together = "initialiser_constant changes together with learning_rate"
    assert together in found.text


def test_what_changes_only_with_the_data_is_not_ranked(tmp_path: Path) -> None:
    results = [
        make_result(
            data_fingerprint=f"{size:016x}",
            dataset=f"one-hot-{size}",
            topology=(size, 2, size),
            learning_rate=rate,
            seed=seed,
            outcome={"final_loss": rate * size**4 * (1 + 0.01 * seed)},
        )
        for size in (4, 8)
        for rate in (1, 2)
        for seed in range(5)
    ]
    results = [result.__class__(**{**vars(result), "parameters": None}) for result in results]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert found.title == "What matters: learning_rate"
    assert "What topology does cannot be told" in found.text


def test_a_trial_that_diverged_counts_as_the_worst(tmp_path: Path) -> None:
    results = [
        make_result(
            StopReason.DIVERGED if rate == 3 else StopReason.CONVERGED,
            learning_rate=rate,
            seed=seed,
            outcome={"final_loss": float("nan") if rate == 3 else 0.1 * rate + 0.001 * seed},
        )
        for rate in (1, 2, 3)
        for seed in range(5)
    ]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert found.title == "What matters: learning_rate"
    assert "The 5 trials that diverged count as the worst that did not." in found.how


def test_it_is_said_which_losses_have_no_logarithm(tmp_path: Path) -> None:
    losses = {1: 0.0, 2: 0.1, 3: 0.2}
    results = [
        make_result(learning_rate=rate, seed=seed, outcome={"final_loss": loss * (1 + seed)})
        for rate, loss in losses.items()
        for seed in range(5)
    ]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert "The 5 losses of 0 or below count as the least above 0." in found.how
    none = findings_of(frame_of(results[5:]), tmp_path)["importance"]
    assert "0 or below" not in none.how


def test_one_trial_a_level_is_too_few_to_tell(tmp_path: Path) -> None:
    trials = table_of(lambda learning_rate: learning_rate, seeds=1, learning_rate=[1, 2, 3])
    found = findings_of(trials, tmp_path)["importance"]
    assert found.warning
    assert found.title == "Too few trials to tell what matters"


def test_what_a_search_drew_is_not_taken_for_groups(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    results = [
        make_result(
            learning_rate=rate,
            initialiser_constant=constant,
            seed=seed,
            outcome={"final_loss": loss + 0.001 * seed},
        )
        for rate, constant, loss in rng.random((40, 3)) + 0.1
        for seed in range(3)
    ]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert found.title == "Too few settings to tell what matters"


@pytest.mark.slow
def test_one_axis_that_a_search_drew_is_told_from_nothing(tmp_path: Path) -> None:
    rates = np.random.default_rng(0).uniform(-4, 0, 60)
    results = [
        make_result(learning_rate=10**rate, outcome={"final_loss": 10**-rate}) for rate in rates
    ]
    found = findings_of(frame_of(results), tmp_path)["importance"]
    assert found.title == "What matters: learning_rate"
