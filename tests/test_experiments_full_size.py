"""Claims: the sweeps at full size plan as their files say, and the pages tell what came of them."""

from pathlib import Path

import pandas as pd
import pytest

import sweep
from docs.experiments.source.page import EXAMPLES, PAGES, figure
from sweep.config import load_config
from sweep.planning import make_plan

CONFIGS = Path(__file__).parent.parent / "configs"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "part", "count"), [("keras_autoencoders", [], 22)])
def test_the_kept_results_are_all_that_was_asked_for(
    name: str, part: list[str], count: int
) -> None:
    plan = make_plan(load_config(CONFIGS / f"{name}.yaml", part), workers=2)
    trials = sweep.read_trials(EXAMPLES / name)
    assert plan.trials == count
    assert set(trials["trial_id"]) == {trial.trial_id for trial in plan.grid}
    assert set(trials["status"]) == {"finished"}
    assert set(trials["engine"]) == {"fused"}


@pytest.mark.reproduce
def test_the_deep_network_beats_the_shallow_one_with_adam() -> None:
    trials = sweep.read_trials(EXAMPLES / "keras_autoencoders")
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
    trials = sweep.read_trials(EXAMPLES / "keras_autoencoders")
    sparse = trials[(trials["code_penalty"] > 0) & (trials["optimizer"] == "adam")]
    penalty = sparse["final_objective"] - sparse["final_loss"]
    code = (penalty / (32 * sparse["code_penalty"])).groupby(sparse["code_penalty"]).mean()
    assert code.to_dict() == {1e-5: pytest.approx(1.94, abs=0.01), 1e-4: pytest.approx(0.59, 0.01)}


@pytest.mark.reproduce
def test_the_figure_of_the_page_is_what_its_results_give() -> None:
    assert (PAGES / "figures" / "keras.png").read_bytes() == figure("keras")
