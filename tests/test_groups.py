"""Trials are grouped by what varies, compared with intervals, and judged by a fair yardstick."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sweep
from sweep.reports.axes import axes_of, varying_parameters
from sweep.reports.groups import Group, factors_of, groups_of
from sweep.reports.statistics.comparisons import GroupShare, against, compare_shares, share_of
from sweep.reports.statistics.intervals import Share
from sweep.result import TrialResult
from sweep.store.places.layout import ResultsDir
from sweep.store.tables.encoding import table_set_of
from sweep.studies.baselines import (
    Yardstick,
    load_targets,
    measure_yardstick,
    relative_thresholds,
    thresholds,
)
from tests.cluster_sweeps import small_sweep
from tests.store_fixtures import make_result


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


LEAKY = {"activation": "leaky_relu", "activation_slope": 0.01}


def test_settings_are_all_that_varies_but_the_seed() -> None:
    trials = frame_of(
        *[make_result(seed=s) for s in (0, 1)],
        *[make_result(seed=s, weight_decay=0.1) for s in (0, 1)],
        make_result(**LEAKY),
    )
    assert factors_of(trials) == ["activation", "weight_decay"]
    groups = groups_of(trials, most=3)
    assert [(g.label, len(g.trials)) for g in groups] == [
        ("leaky_relu", 1),
        ("sigmoid", 2),
        ("sigmoid, weight_decay 0.1", 2),
    ]


def test_a_neutral_value_goes_without_saying() -> None:
    trials = frame_of(make_result(), make_result(weight_decay=0.1))
    assert [g.label for g in groups_of(trials, most=2)] == ["plain", "weight_decay 0.1"]


def test_too_many_settings_become_one_thing_at_a_time() -> None:
    results = [
        make_result(weight_decay=w, initialiser_constant=c) for w in (0.0, 0.1) for c in (1.0, 2.0)
    ]
    groups = groups_of(frame_of(*results, make_result(**LEAKY)), most=4)
    assert [(g.factor, g.label, len(g.trials)) for g in groups] == [
        ("activation", "leaky_relu", 1),
        ("activation", "sigmoid", 4),
        ("initialiser_constant", "c 0.5", 1),
        ("initialiser_constant", "c 1", 2),
        ("initialiser_constant", "c 2", 2),
        ("weight_decay", "weight_decay 0", 3),
        ("weight_decay", "weight_decay 0.1", 2),
    ]


def test_a_base_and_its_departures_are_told_as_such() -> None:
    departures: list[dict[str, Any]] = [
        {},
        {"weight_decay": 0.1},
        {"initialiser": "identity", "initialiser_constant": None},
        {"bias_constant": 1.0},
        {"batch_size": 1, "sample_order": "fixed", "weight_decay": 0.1},
    ]
    groups = groups_of(frame_of(*[make_result(**changes) for changes in departures]), most=9)
    assert [group.label for group in groups] == [
        "base: uniform",
        "initialiser identity",
        "bias_constant 1",
        "weight_decay 0.1",
        "weight_decay 0.1, batch_size 1",
    ]
    assert [group.is_base for group in groups] == [True, False, False, False, False]


def test_a_full_grid_has_no_base() -> None:
    results = [
        make_result(weight_decay=w, bias_constant=b) for w in (0.0, 0.1) for b in (0.0, 1.0, 2.0)
    ]
    groups = groups_of(frame_of(*results), most=9)
    assert groups[0].label == "plain"
    assert not any(group.is_base for group in groups)


def test_an_option_of_one_value_makes_no_axis_beside_what_it_is_an_option_of() -> None:
    trials = frame_of(make_result(), make_result(**LEAKY))
    assert [axis.name for axis in axes_of(trials)] == ["activation"]
    steeper = make_result(**{**LEAKY, "activation_slope": 0.2})
    names = [axis.name for axis in axes_of(frame_of(make_result(), make_result(**LEAKY), steeper))]
    assert names == ["activation", "activation_slope"]


def test_only_the_slope_of_the_hidden_layers_goes_by_a_short_name() -> None:
    leaky = {**LEAKY, "output_activation": "leaky_relu"}
    for name, label in {
        "activation_slope": "slope 0.1",
        "output_activation_slope": "output_activation_slope 0.1",
    }.items():
        trials = frame_of(make_result(**leaky | {name: 0.2}), make_result(**leaky | {name: 0.1}))
        (axis,) = axes_of(trials)
        assert axis.name == name
        assert label in groups_of(trials, most=2)[0].label


def test_options_come_as_the_components_of_the_trials_declare_them() -> None:
    one = {"optimizer": "sgd", "optimizer_decay": 0.1, "optimizer_momentum": 0.5}
    other = {"optimizer": "sgd", "optimizer_decay": 0.2, "optimizer_momentum": 0.9}
    changed = [make_result(**one), make_result(**other, weight_decay=0.1, batch_size=2)]
    names = ["weight_decay", "optimizer_momentum", "optimizer_decay", "batch_size"]
    assert varying_parameters(frame_of(*changed)) == names


def test_what_is_set_apart_makes_no_groups() -> None:
    trials = frame_of(make_result(), make_result(topology=(4, 3, 4)))
    assert [g.label for g in groups_of(trials, most=9, apart=["topology"])] == ["plain"]
    assert groups_of(trials[:0], most=9) == []


def group(label: str, factor: str = "") -> Group:
    return Group(factor, label, pd.DataFrame())


def counted(group: Group, count: int, total: int) -> GroupShare:
    """Return so many of so many that did it, whose seeds pair with no others'."""
    held = [1.0] * count + [0.0] * (total - count)
    return GroupShare(group, pd.Series(held, index=[0] * total, dtype=float))


def held_by(*seeds: int) -> Group:
    return Group("", "a", pd.DataFrame({"seed": seeds}))


def test_a_share_is_greater_only_if_the_interval_says_so() -> None:
    found = [
        counted(group("leaky_relu"), 97, 100),
        counted(group("relu"), 31, 100),
        counted(group("elu"), 35, 100),
        counted(group("none judged"), 0, 0),
    ]
    assert compare_shares(found, did="learn it") == [
        "**leaky\\_relu**: 97 of 100 (92% to 99%) learn it, against 31 of 100 (23% to 41%) with "
        "**relu**: 66 points more (52 to 76).",
        "No difference from **relu**, of which 31 of 100 (23% to 41%) learn it, is shown for "
        "**elu**, 35 of 100 (26% to 45%): -12 to 19 points.",
        "The 3 intervals hold together in 95% of cases, for which each is of 98.33% (Bonferroni).",
    ]


def test_nothing_is_compared_where_no_trial_did_it() -> None:
    found = [counted(group(name), 0, 6) for name in ("relu", "elu", "tanh")]
    assert compare_shares(found, did="learn it") == [
        "None of the 18 trials of 3 settings learn it."
    ]


def test_groups_are_compared_with_the_base_where_there_is_one() -> None:
    base = Group("", "base: relu", pd.DataFrame(), is_base=True)
    found = [
        counted(base, 31, 100),
        counted(group("leaky_relu"), 97, 100),
        counted(group("4-4-4-4-4"), 0, 100),
    ]
    assert compare_shares(found, did="learn it") == [
        "**leaky\\_relu**: 97 of 100 (92% to 99%) learn it, against 31 of 100 (23% to 41%) with "
        "**the base**: 66 points more (53 to 75).",
        "**4-4-4-4-4**: 0 of 100 (0% to 4%) learn it, against 31 of 100 (23% to 41%) with "
        "**the base**: 31 points fewer (21 to 42).",
        "The 2 intervals hold together in 95% of cases, for which each is of 97.5% (Bonferroni).",
    ]
    assert against(found, least="the worst") == "the base"
    assert against(found[1:], least="the worst") == "the worst"


def test_groups_of_the_same_seeds_are_compared_seed_by_seed() -> None:
    """6 of 40 seeds learn with the second setting alone, which is less than counts can tell."""
    trials = pd.DataFrame({"seed": list(range(40)) * 2})
    base = Group("", "base", trials[:40], is_base=True)
    other = Group("", "other", trials[40:])
    learnt = pd.Series([place % 40 < (14 if place < 40 else 20) for place in range(80)])
    (sentence,) = compare_shares([share_of(base, learnt), share_of(other, learnt)], did="learn")
    assert "**other**: 20 of 40" in sentence
    assert "15 points more" in sentence
    counts = [counted(base, 14, 40), counted(other, 20, 40)]
    assert compare_shares(counts, did="learn")[0].startswith("No difference from **the base**")


def test_groups_are_compared_within_their_factor() -> None:
    found = [
        counted(group("a", "x"), 0, 50),
        counted(group("b", "x"), 50, 50),
        counted(group("c", "y"), 25, 50),
    ]
    (sentence,) = compare_shares(found, did="learn")
    assert sentence.startswith("**b**: 50 of 50")
    assert share_of(held_by(0, 1), pd.Series([True, False])).share == Share(1, 2)


ONE_HOT = np.eye(4)
ENTROPY = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))


@pytest.mark.parametrize(
    ("loss", "constant"),
    [
        ("mean_squared_error", 3 / 16),
        ("binary_cross_entropy", ENTROPY),
        ("categorical_cross_entropy", np.log(4)),
    ],
)
def test_the_best_constant_output_has_a_closed_form_on_one_hot_data(
    loss: str, constant: float
) -> None:
    found = measure_yardstick(ONE_HOT, loss)
    assert found is not None
    assert found.constant == pytest.approx(constant)
    assert found.least == pytest.approx(0, abs=1e-12)
    assert found.halfway == pytest.approx(constant / 2)


def test_targets_between_0_and_1_have_a_least_cross_entropy_above_0() -> None:
    found = measure_yardstick(np.array([[0.25], [0.75]]), "binary_cross_entropy")
    assert found is not None
    assert (found.constant, found.least) == (pytest.approx(np.log(2)), pytest.approx(ENTROPY))


def test_there_is_no_yardstick_where_a_loss_is_unknown_or_unbounded() -> None:
    assert measure_yardstick(ONE_HOT, "ours:loss@1") is None
    assert measure_yardstick(np.array([[-1.0], [2.0]]), "binary_cross_entropy") is None
    assert Yardstick(constant=3.0, least=1.0).halfway == 2.0


def test_each_trial_gets_the_threshold_of_its_data_and_loss() -> None:
    trials = frame_of(
        make_result(loss="mean_squared_error", loss_semantics=None),
        make_result(loss="mean_squared_error", loss_semantics=None, data_fingerprint="f" * 16),
    )
    found = thresholds(trials, {"0123456789abcdef": ONE_HOT})
    assert found.iloc[0] == 3 / 32
    assert np.isnan(found.iloc[1])


def test_without_data_the_worst_setting_is_the_yardstick() -> None:
    losses = {"relu": [0.4, 0.6], "tanh": [0.1, 0.2]}
    trials = frame_of(
        *[
            make_result(activation=name, seed=seed, outcome={"final_loss": loss})
            for name, found in losses.items()
            for seed, loss in enumerate(found)
        ]
    )
    assert relative_thresholds(trials, ["activation"]).tolist() == [0.25] * 4


def test_the_targets_of_recorded_data_are_found(tmp_path: Path) -> None:
    summary = sweep.run(small_sweep(), output=tmp_path, use_ray=False)
    trials = sweep.read_trials(summary.output, columns="all")
    (targets,) = load_targets(ResultsDir(tmp_path), trials).values()
    assert targets.tolist() == np.eye(4).tolist()
