"""Claims: our own elementary functions are as accurate as they say."""

from typing import Any

import mpmath
import numpy as np
import pytest

from sweep.config.parameters.axis import as_values
from sweep.elementary import log, power, sine_and_cosine
from sweep.engines.state import CURVE_POINTS_PER_DECADE

mpmath.mp.prec = 160


def ulps(got: np.ndarray, exact: list[Any]) -> float:
    """Return the largest error in units of the last place of the exact value."""
    units = np.spacing(np.abs([float(value) for value in exact])).tolist()
    found = zip(got.tolist(), exact, units, strict=True)
    errors = [abs(mpmath.mpf(g) - e) / u for g, e, u in found]
    return float(max(errors))


def shares(seed: int) -> np.ndarray:
    """Return numbers of (0, 1], some of them tiny and some near 1."""
    generator = np.random.default_rng(seed)
    spread = generator.random(2000) * 2.0 ** -generator.integers(0, 40, 2000)
    return np.concatenate([1.0 - generator.random(4000), 1.0 - spread, spread + 2.0**-53, [1.0]])


@pytest.mark.slow
def test_log_is_within_one_ulp() -> None:
    x = np.concatenate([shares(1), 1.0 + 1e6 * shares(2)])
    assert ulps(log(x), [mpmath.log(v) for v in x.tolist()]) < 1.0


def test_sine_and_cosine_are_within_1_6_ulp() -> None:
    turns = np.concatenate([shares(3), np.arange(4097) / 4096])
    sine, cosine = sine_and_cosine(turns)
    double = [2 * mpmath.mpf(t) for t in turns.tolist()]
    assert ulps(sine, [mpmath.sinpi(t) for t in double]) < 1.6
    assert ulps(cosine, [mpmath.cospi(t) for t in double]) < 1.6


def test_quarter_turns_are_exact() -> None:
    sine, cosine = sine_and_cosine(np.array([0.0, 0.25, 0.5, 0.75, 1.0]))
    assert sine.tolist() == [0.0, 1.0, 0.0, -1.0, 0.0]
    assert cosine.tolist() == [1.0, 0.0, -1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("base", "exponent"), [(0.5, 3.0), (0.96, 0.004), (0.1, -2.5), (3.7, 1e-9), (0.999, 1e5)]
)
def test_power_is_the_nearest_float(base: float, exponent: float) -> None:
    assert power(base, exponent) == float(mpmath.mpf(base) ** mpmath.mpf(exponent))


def test_powers_of_nothing_and_of_0() -> None:
    assert (power(0.0, 0.0), power(0.0, 0.5), power(0.5, 1e300), power(7.0, 0.0)) == (1, 0, 0, 1)


def test_a_range_in_equal_factors_is_the_nearest_of_12_digits() -> None:
    got = as_values({"log": {"from": 0.3, "to": 2e-5, "count": 400}})
    shares = [mpmath.mpf(i / 399) for i in range(400)]
    exact = [mpmath.mpf(0.3) ** (1 - share) * mpmath.mpf(2e-5) ** share for share in shares]
    assert got == [float(mpmath.nstr(value, 12)) for value in exact]


def test_no_epoch_of_a_curve_lies_where_a_last_place_would_move_it() -> None:
    exponents = [mpmath.mpf(k) / CURVE_POINTS_PER_DECADE for k in range(9 * 20 + 1)]
    points = [mpmath.mpf(10) ** exponent for exponent in exponents]
    assert min(abs(p - mpmath.floor(p) - 0.5) / p for p in points) > 1e-12
