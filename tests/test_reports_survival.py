"""Trials that did not converge count in how long it takes, and distance is held against epochs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from sweep.reports.axes import axes_of
from sweep.reports.false_convergence import mark_false_convergence
from sweep.reports.population import population_of
from sweep.reports.report import write_report
from sweep.reports.sections.distances import correlations
from sweep.reports.sections.registry import Context, FigureFolder
from sweep.reports.sections.survival import survival_section
from sweep.reports.statistics.survival import estimate_survival, survivals
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import encode, table_set_of
from sweep.store.tables.writer import Writer
from sweep.trial import StopReason
from tests.store_fixtures import make_result


def frame_of(*results: TrialResult) -> pd.DataFrame:
    trials: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return mark_false_convergence(trials)


def report_on(path: Path, *results: TrialResult) -> str:
    with Writer(ResultsDir(path)) as writer:
        writer.append(encode(results, "study"))
    return write_report(ResultsDir(path)).read_text()


def setting_of(*epochs: int, reasons: dict[int, StopReason] | None = None) -> list[TrialResult]:
    """Return trials of one setting, converged but for those at the places of `reasons`."""
    why = reasons or {}
    return [
        make_result(why.get(seed, StopReason.CONVERGED), seed=seed, epochs=count)
        for seed, count in enumerate(epochs)
    ]


def test_a_censored_trial_leaves_those_at_risk_without_having_converged() -> None:
    outcomes = pd.DataFrame(
        {
            "epochs": [10.0, 20.0, 20.0, 30.0, 40.0],
            "converged": [True, True, False, True, False],
            "falsely": [False, True, False, False, False],
        }
    )
    cell = estimate_survival(outcomes)
    assert cell.epochs.tolist() == [10, 20, 30, 40]
    # 4/5, then 3/4 of it, then 1/2 of that
    np.testing.assert_allclose(cell.pending, [0.8, 0.6, 0.3, 0.3], rtol=1e-12)
    assert cell.quartiles[:2] == (20.0, 30.0)
    assert np.isnan(cell.quartiles[2])
    found = cell.converged.estimate
    assert (cell.converged.total, cell.converged.count, cell.falsely) == (5, 3, 1)
    assert found.value == 0.6
    # Wilson's interval of 3 in 5 in closed form, z = 1.959964
    z = 1.959963984540054
    middle, half = 3 + z * z / 2, z * np.sqrt(3 * 2 / 5 + z * z / 4)
    assert found.low == pytest.approx((middle - half) / (5 + z * z), rel=1e-9)
    assert found.high == pytest.approx((middle + half) / (5 + z * z), rel=1e-9)


def test_trials_that_diverge_never_converge() -> None:
    bad = {3: StopReason.DIVERGED, 4: StopReason.DIVERGED, 5: StopReason.MAX_EPOCHS}
    found = survivals(frame_of(*setting_of(100, 200, 300, 2, 0, 50, reasons=bad)), 10)
    (cell,) = found.settings
    assert cell.epochs.tolist() == [50, 100, 200, 300]
    # the limited one is gone after epoch 50; the other two are at risk to the end
    np.testing.assert_allclose(cell.pending, [1, 0.8, 0.6, 0.4], rtol=1e-12)
    assert (cell.converged.total, cell.converged.count) == (6, 3)


def test_a_cell_where_nothing_converged_reaches_nothing() -> None:
    limits = dict.fromkeys(range(5), StopReason.MAX_EPOCHS)
    (cell,) = survivals(frame_of(*setting_of(1, 2, 3, 4, 5, reasons=limits)), 10).settings
    assert np.isnan(cell.quartiles).all()
    assert cell.converged.estimate.low == 0


def test_cells_with_seeds_enough_are_shown_the_best_first() -> None:
    results = [
        make_result(reason, seed=seed, learning_rate=rate, epochs=epochs + seed)
        for rate, epochs, seeds, reason in [
            (0.1, 900, 5, StopReason.CONVERGED),
            (0.2, 100, 6, StopReason.CONVERGED),
            (0.3, 10, 4, StopReason.CONVERGED),
            (0.4, 10, 5, StopReason.MAX_EPOCHS),
        ]
        for seed in range(seeds)
    ]
    found = survivals(frame_of(*results), 2)
    assert found.parameters == ("learning_rate",)
    assert [cell.values for cell in found.settings] == [(0.2,), (0.1,)]
    assert found.n_settings == 3


@pytest.mark.slow
def test_a_report_shows_what_is_not_reached(tmp_path: Path) -> None:
    limits = dict.fromkeys((3, 4), StopReason.MAX_EPOCHS)
    text = report_on(tmp_path, *setting_of(100, 200, 300, 1000, 1000, reasons=limits))
    assert "## Epochs to convergence" in text
    assert "| 5 | 60% (23% to 88%) | 0 | 200 | 300 | not reached |" in text
    assert (tmp_path / "report/report_figures/survival.png").is_file()


class Shown(FigureFolder):
    """Keeps the texts of legends."""

    def show(self, name: str, title: str, figure: Figure) -> str:
        legend = figure.axes[0].get_legend()
        assert legend is not None
        return " | ".join(text.get_text() for text in legend.get_texts())


def test_a_missing_value_is_called_none_in_the_legend(tmp_path: Path) -> None:
    results = [
        make_result(seed=seed, batch_size=size, learning_rate=rate)
        for size, rate in ((None, 0.1), (2, 0.1), (2, 0.2))
        for seed in range(5)
    ]
    trials = frame_of(*results)
    figures = Shown(tmp_path)
    context = Context(ResultsDir(tmp_path), population_of(trials), axes_of(trials), figures)
    legend = survival_section(context).splitlines()[-1]
    assert sorted(legend.split(" | ")) == ["0.1, 2", "0.1, none", "0.2, 2"]


@pytest.mark.slow
def test_few_seeds_make_no_survival_and_few_trials_no_correlation(tmp_path: Path) -> None:
    text = report_on(tmp_path, *setting_of(100, 200, 300, 400))
    assert "Epochs to convergence" not in text
    assert "Epochs by distance" not in text


def moved(seed: int, epochs: int, distance: float, **changes: object) -> TrialResult:
    facts = {"final_loss": 0.25, "best_loss": 0.25, "weight_distance": distance}
    return make_result(seed=seed, epochs=epochs, outcome=facts, **changes)


def test_epochs_that_grow_with_a_power_of_distance_go_along_by_rank() -> None:
    results = [moved(k, k**3, float(k)) for k in range(1, 11)]
    (found,) = correlations(frame_of(*results))
    assert (found.name, found.trials) == ("all", 10)
    assert found.spearman.value == pytest.approx(1, abs=1e-12)
    assert np.isnan(found.spearman.low)  # of a perfect order nothing tells how sure it is
    k = np.arange(1.0, 11)
    assert found.pearson.value == pytest.approx(np.corrcoef(k, k**3)[0, 1], abs=1e-12)
    assert found.pearson.low < found.pearson.value < found.pearson.high < 1


def test_each_topology_is_correlated_by_itself() -> None:
    results = [
        moved(k, 10 * shape[1] + sign * k, float(k), topology=shape)
        for shape, sign, count in [((4, 2, 4), 1, 8), ((4, 30, 4), -1, 9), ((4, 3, 4), 1, 7)]
        for k in range(1, count + 1)
    ]
    results.append(make_result(StopReason.MAX_EPOCHS, seed=99))
    found = correlations(frame_of(*results))
    assert [(item.name, item.trials) for item in found] == [
        ("4-2-4", 8),
        ("4-30-4", 9),
        ("all", 24),
    ]
    assert [round(item.spearman.value, 9) for item in found[:2]] == [1, -1]


@pytest.mark.slow
def test_a_report_shows_epochs_by_distance(tmp_path: Path) -> None:
    text = report_on(tmp_path, *[moved(k, 10 * k, float(k)) for k in range(1, 9)])
    assert "| all | 8 | 1.00 | 1.00 |" in text
    assert (tmp_path / "report/report_figures/distance.png").is_file()


@pytest.mark.slow
def test_coefficients_are_of_all_trials_and_the_figure_says_what_it_draws(tmp_path: Path) -> None:
    distances = np.random.default_rng(0).normal(size=2001)
    epochs = (1000 + 500 * distances**2).astype(int)
    results = [
        moved(seed, int(count), float(distance) + 10, learning_rate=0.01 + 0.01 * (seed % 2))
        for seed, (count, distance) in enumerate(zip(epochs, distances, strict=True))
    ]
    text = report_on(tmp_path, *results)
    pearson = np.corrcoef(distances, epochs)[0, 1]
    (row,) = [line for line in text.splitlines() if line.startswith("| all | 2001 |")]
    assert row.split(" | ")[3].startswith(f"{pearson:.2f} (")
    assert "2,000 of them, evenly spread over the table, are drawn." in text


def test_distances_that_are_all_the_same_tell_nothing() -> None:
    assert correlations(frame_of(*[moved(k, 10 * k, 2.0) for k in range(1, 9)])) == []
