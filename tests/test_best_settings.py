"""Settings are ranked by held-out loss over their seeds, and what diverged counts against them."""

import numpy as np
import pandas as pd
import pytest

from sweep.reports.objective import are_comparable, losses_of, objective_name, objective_of, ranked
from sweep.reports.settings import (
    best_settings,
    settings_of,
    telling_columns,
    with_intervals,
)
from sweep.result import TrialResult
from sweep.store.tables.encoding import table_set_of
from sweep.trial import StopReason
from tests.store_fixtures import make_result

NAN = float("nan")


def frame_of(*results: TrialResult) -> pd.DataFrame:
    frame: pd.DataFrame = table_set_of(results, "study").trials.to_pandas()
    return frame


def trained(rate: float, seed: int, loss: float, held_out: float | None = None) -> TrialResult:
    outcome = {"final_loss": loss, "validation_loss": held_out}
    return make_result(learning_rate=rate, seed=seed, outcome=outcome)


def diverged(rate: float, seed: int) -> TrialResult:
    outcome = {"final_loss": NAN}
    return make_result(StopReason.DIVERGED, learning_rate=rate, seed=seed, outcome=outcome)


def test_held_out_loss_ranks_wherever_it_is_known() -> None:
    trials = frame_of(trained(0.1, 0, 0.01, 0.9), trained(0.2, 0, 0.02, 0.3))
    assert objective_of(trials).tolist() == [0.9, 0.3]
    assert objective_name(trials) == "held-out loss"
    assert losses_of(trials) == ("validation_loss", "final_loss")
    assert ranked(trials)["learning_rate"].tolist() == [0.2, 0.1]


def test_without_held_out_samples_the_final_loss_ranks() -> None:
    trials = frame_of(trained(0.1, 0, 0.01), trained(0.2, 0, 0.02))
    assert objective_of(trials).tolist() == [0.01, 0.02]
    assert objective_name(trials) == "final loss"
    assert losses_of(trials) == ("final_loss",)


def test_two_kinds_of_loss_are_never_compared_on_the_same_data() -> None:
    trials = frame_of(trained(0.1, 0, 0.5, 0.9), trained(0.2, 0, 0.6))
    assert objective_of(trials).tolist() == [0.5, 0.6]
    other = trials.assign(data_fingerprint=["a", "b"])
    assert objective_of(other).tolist() == [0.9, 0.6]
    assert objective_name(other) == "held-out or final loss"


def test_a_trial_that_diverged_does_not_hide_the_held_out_losses_of_others() -> None:
    trials = frame_of(trained(0.1, 0, 0.5, 0.9), diverged(0.2, 0))
    assert objective_of(trials).iloc[0] == 0.9
    assert objective_name(trials) == "held-out loss"


def test_losses_of_several_splits_are_on_one_scale_and_those_of_several_data_are_not() -> None:
    trials = frame_of(*(trained(0.1, seed, 0.5, 0.9) for seed in range(4)))
    assert are_comparable(trials)
    several = trials.assign(data_fingerprint=["a", "b", "a", "b"])
    assert not are_comparable(several)
    assert are_comparable(several.assign(dataset_split_seed=[0, 1, 0, 1]))
    assert not are_comparable(several.assign(dataset_split_seed=[0, 0, 1, 1]))
    other = several.assign(dataset_split_seed=[0, 1, 0, 1], dataset=["x", "y", "x", "y"])
    assert not are_comparable(other)
    assert not are_comparable(trials.assign(loss=["a", "b", "a", "b"]))


def test_settings_are_ranked_by_their_median_over_seeds() -> None:
    lucky = [trained(0.1, seed, loss) for seed, loss in enumerate([1e-9, 0.5, 0.6])]
    steady = [trained(0.2, seed, loss) for seed, loss in enumerate([0.3, 0.1, 0.2])]
    table = best_settings(frame_of(*lucky, *steady))
    assert table["learning_rate"].tolist() == [0.2, 0.1]
    assert table["trials"].tolist() == [3, 3]
    assert table["median"].tolist() == [0.2, 0.5]
    assert table["mean"].tolist() == pytest.approx([0.2, 1.1 / 3])
    assert table["q1"].tolist() == pytest.approx([0.15, 0.25])
    assert table["q3"].tolist() == pytest.approx([0.25, 0.55])
    intervals = with_intervals(settings_of(frame_of(*lucky, *steady)))
    assert intervals["low"].isna().all()  # none of a median of three values holds 95%
    assert table.index.tolist() == [4, 0]  # the best trial of each


def test_the_interval_of_a_median_is_that_of_order_statistics() -> None:
    losses = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]  # 0.2 to 0.7 holds 93%, 0.1 to 0.8 99.2%
    trials = frame_of(*[trained(0.1, s, x) for s, x in enumerate(losses)])
    (row,) = with_intervals(settings_of(trials)).itertuples()
    assert (row.low, row.median, row.high) == (0.1, 0.45, 0.8)


def test_a_setting_of_which_most_seeds_diverge_comes_last() -> None:
    poor = [trained(0.1, seed, 0.9) for seed in range(3)]
    wild = [trained(0.2, 0, 1e-6), diverged(0.2, 1), diverged(0.2, 2)]
    table = best_settings(frame_of(*wild, *poor))
    assert table["learning_rate"].tolist() == [0.1, 0.2]
    assert table["median"].tolist() == [0.9, np.inf]
    assert table["diverged"].tolist() == [0.0, 2 / 3]
    assert table["mean"].tolist() == [0.9, 1e-6]


def test_trials_that_failed_or_were_cancelled_make_no_setting() -> None:
    failed = [make_result(r, learning_rate=0.2) for r in (StopReason.FAILED, StopReason.CANCELLED)]
    table = best_settings(frame_of(trained(0.1, 0, 0.5), *failed[:1]))
    assert table["learning_rate"].tolist() == [0.1]
    assert best_settings(frame_of(*failed[:1])).empty


def test_only_what_tells_something_is_shown() -> None:
    alone = frame_of(*[trained(rate, 0, rate) for rate in (0.1, 0.2)])
    table = best_settings(alone)
    assert telling_columns(table, alone) == ["learning_rate", "median"]
    seeds = frame_of(*[trained(rate, s, rate) for rate in (0.1, 0.2) for s in range(2)])
    shown = telling_columns(best_settings(seeds), seeds)
    assert shown == ["learning_rate", "trials", "median", "q1", "q3", "mean"]
    asked = frame_of(*[make_result(StopReason.EPOCHS, learning_rate=r) for r in (0.1, 0.2)])
    assert "converged" not in telling_columns(best_settings(asked), asked)


def test_the_best_of_very_many_settings_are_found_among_all() -> None:
    one = frame_of(trained(0.1, 0, 0.5))
    many = one.loc[one.index.repeat(20_000)].reset_index(drop=True)
    rates, loss = np.repeat(np.arange(4_000.0), 5), np.arange(20_000.0)[::-1]
    table = best_settings(many.assign(learning_rate=rates, final_loss=loss), most=2)
    assert table["learning_rate"].tolist() == [3999.0, 3998.0]
    assert table["median"].tolist() == [2.0, 7.0]
