"""Claims: the sweeps at full size plan as their files say, and the pages tell what came of them."""

from pathlib import Path

import pandas as pd
import pytest

import sweep
from docs.experiments.source.denoising import numbers
from docs.experiments.source.page import EXAMPLES, PAGES, figure
from sweep.config import load_config
from sweep.planning import make_plan
from sweep.store.places.layout import ResultsDir
from sweep.studies.baselines import load_targets, thresholds

CONFIGS = Path(__file__).parent.parent / "configs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "part", "count"),
    [
        ("keras_autoencoders", [], 22),
        ("denoising", [], 800),
        ("vanishing_full", ["grid.replicates=5"], 720),
    ],
)
def test_the_kept_results_are_all_that_was_asked_for(
    name: str, part: list[str], count: int
) -> None:
    plan = make_plan(load_config(CONFIGS / f"{name}.yaml", part), workers=2)
    trials = sweep.read_trials(EXAMPLES / name, columns="all")
    assert plan.trials == count
    assert set(trials["trial_id"]) == {trial.trial_id for trial in plan.grid}
    assert set(trials["status"]) == {"finished"}
    assert set(trials["engine"]) == {"fused"}


@pytest.mark.reproduce
def test_the_deep_network_beats_the_shallow_one_with_adam() -> None:
    trials = sweep.read_trials(EXAMPLES / "keras_autoencoders", columns="all")
    plain = trials[(trials["input_noise"] == "none") & (trials["code_penalty"] == 0)]
    keys = ["optimizer", "topology", "epochs"]
    losses: pd.Series[float] = plain.groupby(keys)["validation_loss"].median().round(4)
    assert losses.to_dict() == {
        ("adadelta", "784-128-64-32-64-128-784", 100): 0.1602,
        ("adadelta", "784-32-784", 50): 0.1610,
        ("adam", "784-128-64-32-64-128-784", 100): 0.1505,
        ("adam", "784-32-784", 50): 0.1528,
        ("adam", "784-32-784", 100): 0.1529,
    }
    adam = plain[(plain["optimizer"] == "adam") & (plain["epochs"] == 100)]
    deep = adam["topology"] == "784-128-64-32-64-128-784"
    assert adam[deep]["validation_loss"].max() < adam[~deep]["validation_loss"].min()


@pytest.mark.reproduce
def test_a_penalty_makes_the_code_of_the_full_size_network_smaller() -> None:
    trials = sweep.read_trials(EXAMPLES / "keras_autoencoders", columns="all")
    sparse = trials[(trials["code_penalty"] > 0) & (trials["optimizer"] == "adam")]
    penalty = sparse["final_objective"] - sparse["final_loss"]
    code = (penalty / (32 * sparse["code_penalty"])).groupby(sparse["code_penalty"]).mean()
    assert code.to_dict() == {1e-5: pytest.approx(1.94, abs=0.01), 1e-4: pytest.approx(0.59, 0.01)}


@pytest.mark.reproduce
def test_the_figure_of_the_page_is_what_its_results_give() -> None:
    assert (PAGES / "figures" / "keras.png").read_bytes() == figure("keras")


@pytest.mark.reproduce
def test_tied_weights_help_every_network_and_noise_none() -> None:
    found = numbers()
    assert found["helps"]("tied weights") == [True] * 4
    assert [sorted(names) for names in found["better"]] == [
        ["tied weights"],
        ["tied weights"],
        ["tied weights", "weight decay 1e-5"],
        ["tied weights", "weight decay 1e-6"],
    ]
    assert [len(names) for names in found["worse"]] == [3, 12, 4, 15]


@pytest.mark.reproduce
def test_networks_of_few_images_overfit() -> None:
    assert [round(gap, 1) for gap in numbers()["gaps"]] == [2.1, 3.3, 1.1, 1.2]


@pytest.mark.reproduce
def test_with_time_pretraining_restores_learning_at_every_depth_as_two_remedies_do() -> None:
    trials = sweep.read_trials(EXAMPLES / "vanishing_full", columns="all")
    least = thresholds(trials, load_targets(ResultsDir(EXAMPLES / "vanishing_full"), trials))
    learnt = trials["final_loss"] < least
    fast = trials["learning_rate"] == 1
    for column, values in {"normalisation": ["batch"], "skip": ["residual"]}.items():
        assert learnt[trials[column].isin(values)].all()
    assert learnt[(trials["pretraining"] != "none") & fast].all()
    assert not learnt[(trials["pretraining"] != "none") & ~fast].any()
    assert not learnt[(trials["skip"] == "highway") & (trials["depth"] == 12)].any()
