"""Intervals are those of the literature, and say nothing where there is nothing to say."""

import math

import numpy as np
import pytest

from sweep.reports.intervals import (
    Estimate,
    Share,
    difference_of_shares,
    format_estimate,
    resampled,
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


def test_the_bootstrap_holds_the_value_and_is_repeatable() -> None:
    values = np.arange(1.0, 101.0)
    found = resampled([values], np.median)
    assert found.value == 50.5
    assert 38 < found.low < 47 < 54 < found.high < 63
    assert resampled([values], np.median) == found


def test_few_values_get_no_interval() -> None:
    found = resampled([np.array([1.0, 3.0])], np.mean)
    assert (found.value, math.isnan(found.low), found.sign) == (2.0, True, 0)
    assert format_estimate(found) == "2"
    assert format_estimate(resampled([np.array([])], np.mean)) == "-"
    assert format_estimate(Estimate(0.5, 0.25, 0.75)) == "0.5 (0.25 to 0.75)"
