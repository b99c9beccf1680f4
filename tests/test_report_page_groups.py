"""Claims: aggregates of the page are of all trials, and of known trials they have known values."""

from dataclasses import replace

import numpy as np
import pytest

from sweep.reports.page.curves import MISSING, Curves, shared_epochs
from sweep.reports.page.document import build_page
from sweep.reports.page.gradients import summarise_gradients
from sweep.reports.page.groups import summarise_curves
from sweep.reports.page.levels import Levels
from sweep.reports.page.survival import summarise_survival
from sweep.reports.page.table import read_page_table
from sweep.result import Curve
from sweep.trial import StopReason
from tests.page_reading import PageReader
from tests.store_fixtures import make_result
from tests.test_report_page import store

ALL = Levels("", ["all"], np.zeros(5, np.int16))


def curves_of(*rows: list[float]) -> Curves:
    """Return the curves of five trials, a row an epoch; losses 1 to 1,000."""
    shape = Curves(
        name="loss",
        epochs=np.arange(1, len(rows) + 1),
        steps=np.zeros((0, 5), np.uint16),
        low=0.0,
        high=3.0,
        scale="log",
    )
    steps = shape.steps_of(np.log10(np.array(rows)))
    return Curves(**{**vars(shape), "steps": steps})


def test_a_trial_that_ended_keeps_its_last_loss_and_one_that_diverged_is_the_worst() -> None:
    nan = float("nan")
    curves = curves_of([100, 100, 100, 100, 100], [10, 20, 30, 40, nan], [1, nan, nan, nan, nan])
    diverged = np.array([False, False, False, False, True])
    told = summarise_curves([curves], [ALL], diverged)[""]["all"]["loss"]
    assert told["n"] == 5
    assert told["epochs"] == [1, 2, 3]
    assert told["training"] == [1, 0.8, 0.2]
    assert told["q50"] == pytest.approx([100, 30, 30], rel=1e-3)
    assert told["q25"] == pytest.approx([100, 20, 20], rel=1e-3)
    assert told["q90"][0] == pytest.approx(100, rel=1e-3)
    assert told["q90"][1:] == [None, None]


def test_no_trial_with_a_curve_makes_no_quantile() -> None:
    curves = curves_of([float("nan")] * 5)
    told = summarise_curves([curves], [ALL], np.zeros(5, bool))[""]["all"]["loss"]
    assert (told["n"], told["training"], told["q50"]) == (0, [0], [None])
    assert (curves.steps == MISSING).all()


@pytest.mark.parametrize(("last", "most"), [(1, 32), (5, 32), (33, 32), (100, 8), (10**7, 32)])
def test_shared_epochs_are_as_many_as_there_may_be(last: int, most: int) -> None:
    epochs = shared_epochs(last, most)
    assert len(epochs) == min(last, most)
    assert (epochs[0], epochs[-1]) == (1, last)
    assert (np.diff(epochs) > 0).all()


def test_survival_counts_what_a_limit_ended_as_censored(tmp_path) -> None:
    results = [make_result(seed=seed, epochs=10 * (seed + 1)) for seed in range(3)]
    results.append(make_result(StopReason.MAX_EPOCHS, seed=3, epochs=15))
    table = read_page_table(store(tmp_path, *results))
    trials = table.population.trials
    (levels,) = (Levels("", ["all"], np.zeros(4, np.int16)),)
    told = summarise_survival(trials, [levels])[""]["all"]
    assert (told["n"], told["met"], told["censored"], told["marks"]) == (4, 3, 1, [15])
    # Kaplan and Meier: 1/4 by epoch 10; of the 2 left after 15 one by 20, the other by 30
    assert dict(zip(told["epochs"], told["share"], strict=True)) == {
        10: 0.25,
        15: 0.25,
        20: 0.625,
        30: 1,
    }


def test_medians_of_gradients_are_by_layer_and_epoch(tmp_path) -> None:
    epochs, layers = np.repeat([0, 10], 2), np.tile([0, 1], 2)
    results = [
        make_result(
            seed=seed,
            details={
                "gradients": {
                    "epoch": epochs,
                    "layer": layers,
                    **dict.fromkeys(NUMBERS, np.ones(4)),
                    "gradient_norm": np.array([1.0, 0.0, 1e-3, 1e2]) * 10**seed,
                    "verdict": np.array(["healthy"] * 4),
                }
            },
        )
        for seed in range(3)
    ]
    directory = store(tmp_path, *results)
    table = read_page_table(directory)
    (levels,) = (Levels("", ["all"], np.zeros(3, np.int16)),)
    told = summarise_gradients(directory, table.columns(["trial_id"]), [levels])[""]["all"]
    assert (told["n"], told["layers"], told["epochs"]) == (3, [0, 1], [0, 10])
    assert told["median"][0] == pytest.approx([10, 1e-2], rel=0.025)
    assert told["median"][1] == [0, pytest.approx(1e3, rel=0.025)]


NUMBERS = (
    *("gradient_rms", "weight_norm", "update_ratio", "saturated_share", "dead_share"),
    "unit_distance",
)


def test_a_curve_is_read_between_its_epochs_by_logarithms(tmp_path) -> None:
    curve = Curve.of_losses(np.array([1, 100]), np.array([1.0, 1e-2]))
    page = PageReader(build_page(store(tmp_path, replace(make_result(epochs=100), curve=curve))))
    epochs = np.array(page.manifest["curves"]["epochs"])
    assert len(epochs) == 32
    assert page.curves(0)[:, 0] == pytest.approx(1 / epochs, rel=5e-3)
