"""Claims: each experiment plans as its page says, and its committed result answers as it says."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import sweep
from sweep.cli.main import main
from sweep.store.places.layout import ResultsDir
from sweep.studies.baselines import load_targets, thresholds
from sweep.studies.identity import learns_identity, target_ranges

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "results" / "examples"


def planned_trials(name: str) -> int:
    result = CliRunner().invoke(main, ["plan", str(ROOT / f"configs/{name}.yaml"), "--json"])
    assert result.exit_code == 0, result.output
    return int(json.loads(result.stdout)["trials"])


def identity_trials() -> pd.DataFrame:
    """Return the trials by `learnt`, with the data sets as they are called on the page."""
    trials = sweep.read_trials(EXAMPLES / "identity", columns="all")
    targets = load_targets(ResultsDir(EXAMPLES / "identity"), trials)
    data = {
        "vectors-1x4": "one",
        "uniform-20x4-0-in-0.1..1-held-out-0.2": "several",
        "uniform-20x4-0-in--1..1-held-out-0.2": "signed",
    }
    learnt = learns_identity(trials, target_ranges(targets))
    return trials.assign(learnt=learnt, data=trials["dataset"].map(data))


BASE = {
    "data": "several",
    "topology": "4-4-4",
    "activation": "relu",
    "output_activation": "relu",
    "initialiser": "dl4j_xavier",
    "bias_constant": 0.0,
    "weight_decay": 0.0,
    "learning_rate": 0.01,
    "pretraining": "none",
    "input_noise": "none",
    "sample_order": "full_batch",
}
LEAKY = {"activation": "leaky_relu", "output_activation": "leaky_relu", "activation_slope": 0.01}
ELU = {"activation": "elu", "output_activation": "elu"}
CHAIN = {"pretraining": "chain"}


def departing(trials: pd.DataFrame, **changes: object) -> pd.DataFrame:
    wanted = {**BASE, **changes}
    found = trials[np.logical_and.reduce([trials[name] == wanted[name] for name in wanted])]
    assert len(found) == 64
    return found


@pytest.mark.reproduce
def test_relu_outputs_are_stuck_as_by_the_toss_of_a_coin_and_a_slope_or_a_sign_frees_them() -> None:
    trials = identity_trials()
    assert len(trials) == 4544
    asked = departing(trials, data="one")
    assert Counter(asked["zero_outputs"]) == {0: 5, 1: 16, 2: 20, 3: 18, 4: 5}
    learnt = [
        ({}, 2),
        ({"data": "one"}, 5),
        ({"topology": "4-4"}, 12),
        ({"initialiser": "constant"}, 64),
        ({"bias_constant": 1.0}, 35),
        ({"sample_order": "shuffled", "learning_rate": 0.1}, 2),
        ({**LEAKY, "data": "one"}, 64),
        (LEAKY, 4),
        ({**LEAKY, "activation_slope": 0.2}, 54),
        (ELU, 48),
        (CHAIN, 4),
        ({**CHAIN, **LEAKY}, 64),
        ({**CHAIN, **ELU, "topology": "4-4-4-4-4"}, 64),
        ({"data": "signed"}, 0),
        ({"data": "signed", "output_activation": "identity"}, 42),
    ]
    for changes, count in learnt:
        assert departing(trials, **changes)["learnt"].sum() == count, changes
    sloped = trials["output_activation"].isin(["leaky_relu", "elu"])
    assert trials[sloped]["zero_outputs"].max() == 0


@pytest.mark.reproduce
def test_the_number_of_stuck_outputs_follows_from_the_seed_alone() -> None:
    trials = identity_trials()
    rates = [departing(trials, data="one", learning_rate=r) for r in (0.1, 0.01, 0.001, 0.0001)]
    decayed = departing(trials, data="one", weight_decay=0.001)
    counts = [rows.set_index("seed")["zero_outputs"].sort_index() for rows in (*rates, decayed)]
    for other in counts[1:]:
        assert other.tolist() == counts[0].tolist()


@pytest.mark.reproduce
def test_two_remedies_alone_and_two_pairs_restore_learning_at_every_depth() -> None:
    trials = sweep.read_trials(EXAMPLES / "vanishing", columns="all")
    limits = thresholds(trials, load_targets(ResultsDir(EXAMPLES / "vanishing"), trials))
    assert limits.unique() == pytest.approx([0.3131], abs=1e-4)
    trials = trials.assign(learnt=trials["final_loss"] < limits)
    options = ["normalisation", "skip", "gradient_clip", "optimizer", "pretraining"]
    names = ["activation", "initialiser", "initialiser_constant", *options]
    found = trials.groupby(names)["learnt"].agg(["sum", "size"])
    assert len(found) == 18
    assert set(found["size"]) == {15}
    always = found.index[found["sum"] == 15].to_list()
    plain = ("none", "none", "none", "sgd", "none")
    assert (
        always
        == [
            ("relu", "kaiming_normal", 2**0.5, *plain),
            ("sigmoid", "normal", 0.1, "batch", *plain[1:]),
            ("sigmoid", "normal", 0.1, "none", "residual", *plain[2:]),
            ("tanh", "xavier_uniform", 1.0, *plain),
        ][: len(always)]
    )
    assert len(always) == 4
    shallow = trials[trials["depth"] == 4].groupby(names)["learnt"].sum()
    assert shallow["relu", "normal", 0.1, *plain] == 5
    assert shallow["sigmoid", "normal", 0.1, *plain] == 0
    assert shallow["sigmoid", "normal", 0.1, "none", "none", "none", "rmsprop", "none"] == 5
    deepest = trials[trials["depth"] == 12].groupby(names)["learnt"].sum()
    assert (deepest > 0).sum() == 4
    report = (EXAMPLES / "vanishing/report/report.md").read_text("utf-8")
    assert "**normalisation batch**, 5 of 5 (57% to 100%): -7 to 100 points" in report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "trials"), [("identity", 4544), ("vanishing", 270), ("vanishing_full", 2880)]
)
def test_an_experiment_plans_as_its_page_says(name: str, trials: int) -> None:
    assert planned_trials(name) == trials
