"""Claims: each experiment's file plans as its page says, and its committed result shows it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweep.config import load_config
from sweep.planning import make_plan
from sweep.reports.published import load_published
from sweep.reports.rejudging import read_judged
from sweep.reports.statistics.survival import survivals
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.reader import read_codes, read_gradients, read_trials
from sweep.studies.publications.readings import compare, pair_trials

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "results" / "examples"
PLANNED = {"zhang2017": 25, "zhang2017_readings": 11_040, "encoder": 16_400}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "trials"), PLANNED.items())
def test_an_experiment_plans_as_its_page_says(name: str, trials: int) -> None:
    plan = make_plan(load_config(ROOT / "configs" / f"{name}.yaml"))
    assert plan.trials == trials
    kept = set(read_trials(EXAMPLES / name)["trial_id"])
    assert {trial.trial_id for trial in plan.grid} == kept


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    return read_trials(EXAMPLES / "zhang2017_readings")


@pytest.mark.reproduce
def test_the_literal_start_never_breaks_the_symmetry(readings: pd.DataFrame) -> None:
    constant = readings["initialiser"] == "constant"
    literal = readings[constant & (readings["initialiser_jitter"] == 0)]
    finished = literal[literal["status"] == "finished"]
    assert len(finished) == 676
    assert (finished["unit_distance"] == 0).all()
    sigmoid = (
        (finished["activation"] == "sigmoid")
        & (finished["output_activation"] == "sigmoid")
        & (finished["loss"] == "binary_cross_entropy")
        & (finished["delta_patience"] == 1)
    )
    np.testing.assert_allclose(finished[sigmoid]["final_loss"], 0.233792, atol=1e-6)
    assert finished[sigmoid]["epochs"].agg(["min", "max"]).tolist() == [581, 1678]
    assert (finished[sigmoid]["samples_reconstructed"] == 0).all()


@pytest.mark.reproduce
def test_uniform_weights_and_early_stopping_come_nearest_to_the_study(
    readings: pd.DataFrame,
) -> None:
    published = load_published("zhang2017_runs")
    found = compare(published, pair_trials(published, readings)).readings
    assert len(found) == 168
    best = found.iloc[0]
    assert (best["initialiser"], best["initialiser_jitter"]) == ("uniform", 0.0)
    assert (best["loss"], best["early_stopping_patience"]) == ("binary_cross_entropy", 100)
    assert best["distance"] == pytest.approx(0.86, abs=0.005)
    assert best["rank_sure"] == 1
    assert found["distance"].iloc[1] == pytest.approx(1.01, abs=0.005)


@pytest.mark.reproduce
def test_relu_in_the_hidden_layers_alone_reconstructs_everything(readings: pd.DataFrame) -> None:
    relu = readings[
        (readings["activation"] == "relu")
        & (readings["initialiser"] == "uniform")
        & (readings["loss"] == "binary_cross_entropy")
        & (readings["early_stopping_patience"] == 100)
    ]
    solved = (relu["samples_reconstructed"] == 16).groupby(relu["output_activation"]).sum()
    assert solved.to_dict() == {"relu": 0, "sigmoid": 25}


@pytest.mark.reproduce
def test_the_study_keeps_its_codes_and_probes() -> None:
    codes, gradients = read_codes(EXAMPLES / "zhang2017"), read_gradients(EXAMPLES / "zhang2017")
    assert codes["trial_id"].nunique() == gradients["trial_id"].nunique() == 25
    assert codes.groupby("trial_id")["sample"].nunique().eq(16).all()


@pytest.mark.reproduce
def test_the_flat_spot_solves_what_rprop_alone_does_not() -> None:
    trials = read_judged(ResultsDir(EXAMPLES / "encoder"))
    rprop = trials[trials["optimizer"] == "rprop"]
    solved = (rprop["stop_reason"] == "pattern").groupby(rprop["flat_spot"]).sum()
    assert solved.to_dict() == {0.0: 709, 0.1: 1000}
    stuck = rprop[rprop["stop_reason"] != "pattern"]["zero_outputs"] > 0
    assert stuck.mean() == pytest.approx(0.976, abs=0.001)
    eight = rprop[(rprop["topology"] == "8-3-8") & (rprop["flat_spot"] == 0.1)]
    (cell,) = survivals(eight, 1).settings
    assert (cell.converged.estimate.value, cell.quartiles[1]) == (1.0, 35)
