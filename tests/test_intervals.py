"""Intervals are those of the literature, and say nothing where there is nothing to say."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from sweep.reports.statistics.correlations import pearson, spearman
from sweep.reports.statistics.intervals import (
    Estimate,
    Share,
    corrected,
    difference_of_pairs,
    difference_of_shares,
    format_estimate,
)
from sweep.reports.statistics.orders import (
    _quantile_of_binomial,
    median,
    probability_less,
    ratio_of_medians,
)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)],
)
def test_the_interval_of_a_share_is_wilsons(
    count: int, total: int, low: float, high: float
) -> None:
    """From Newcombe 1998, two-sided intervals for the single proportion, table I, method 3."""
    found = Share(count, total).estimate
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Newcombe 1998, interval estimation for the difference, table II, method 10: 56/70 - 48/80."""
    found = difference_of_shares(Share(56, 70), Share(48, 80))
    assert found.value == pytest.approx(0.2)
    assert found.low == pytest.approx(0.0524, abs=5e-5)
    assert found.high == pytest.approx(0.3339, abs=5e-5)
    assert found.sign == 1


def test_equal_shares_of_nothing_differ_by_nothing() -> None:
    assert difference_of_shares(Share(0, 5), Share(0, 5)).sign == 0
    assert math.isnan(Share(0, 0).estimate.value)


def test_a_share_is_written_with_its_interval() -> None:
    assert str(Share(97, 100)) == "97 of 100 (92% to 99%)"


def test_quantiles_of_the_binomial_distribution_are_those_of_scipy() -> None:
    levels = (0.95, 0.99, 1 - 0.05 / 300)
    tails = [tail for level in levels for tail in ((1 - level) / 2, (1 + level) / 2)]
    for n in (*range(1, 60), 1000, 100_000):
        for share in (0.25, 0.5, 0.75):
            ours = [_quantile_of_binomial(tail, n, share) for tail in tails]
            assert ours == binom.ppf(tails, n, share).tolist()


def test_the_interval_of_a_median_runs_between_two_of_the_values() -> None:
    """Of 100, the 40th and the 61st; of 6, the first and the last, as the binomial has it."""
    assert median(np.arange(1.0, 101.0)) == Estimate(50.5, 40, 61)
    assert median(np.array([3.0, 1.0, 2.0, 6.0, 4.0, 5.0])) == Estimate(3.5, 1, 6)


def test_the_ratio_of_two_groups_of_one_value_each_is_certain() -> None:
    found = ratio_of_medians(np.full(6, 1.0), np.full(9, 4.0))
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_few_values_get_no_interval() -> None:
    found = median(np.array([1.0, 3.0]))
    assert (found.value, math.isnan(found.low), found.sign) == (2.0, True, 0)
    assert format_estimate(found) == "2"
    assert format_estimate(median(np.array([]))) == "-"
    assert format_estimate(Estimate(0.5, 0.25, 0.75)) == "0.5 (0.25 to 0.75)"


def test_pairs_show_a_difference_that_shares_of_the_same_counts_do_not() -> None:
    """5 of 30 learn it with the second setting alone, none with the first alone."""
    found = difference_of_pairs(np.array([0] * 25 + [-1] * 5))
    # Bonett and Price 2012: shares of 6 and 1 in 32, 1.96 standard errors of their difference
    half = 1.959963984540054 * math.sqrt((7 / 32 - (5 / 32) ** 2) / 32)
    assert found.value == pytest.approx(-5 / 30)
    assert (found.low, found.high) == pytest.approx((-5 / 32 - half, -5 / 32 + half))
    assert found.sign == -1
    assert difference_of_shares(Share(15, 30), Share(20, 30)).sign == 0


def test_intervals_that_hold_together_are_wider() -> None:
    assert corrected(1) == 0.95
    assert corrected(10) == pytest.approx(0.995)
    assert difference_of_shares(Share(20, 40), Share(10, 40)).sign == 1
    assert difference_of_shares(Share(20, 40), Share(10, 40), corrected(20)).sign == 0


def test_the_interval_of_a_correlation_is_fishers_where_that_is_the_wider() -> None:
    values = np.arange(20.0)
    others = np.where(np.arange(20) % 2, values + 3, values - 3)
    found = pearson(values, others)
    z, half = math.atanh(found.value), 1.959963984540054 / math.sqrt(17)
    assert found.value == pytest.approx(np.corrcoef(values, others)[0, 1])
    assert (found.low, found.high) == pytest.approx((math.tanh(z - half), math.tanh(z + half)))


def test_one_far_point_widens_the_interval_of_a_correlation() -> None:
    values = np.append(np.sin(np.arange(30.0)), 50.0)
    others = np.append(np.cos(2 * np.arange(30.0)), 50.0)
    assert pearson(values, others).value > 0.9
    assert pearson(values, others).low < 0


def test_a_perfect_correlation_of_few_values_has_no_interval() -> None:
    values = np.arange(8.0)
    assert format_estimate(spearman(values, values**3)) == "1"


def test_who_is_first_is_told_by_all_pairs_and_ties_count_half() -> None:
    found = probability_less(np.array([1.0, 2, 2, 5, 6]), np.array([2.0, 7, 8, 9, np.inf]))
    assert found.value == (5 + 4.5 + 4.5 + 4 + 4) / 25
    assert 0.2 < found.low < found.value < found.high < 1
