"""Claims: each elementary function of the fused engine is within its stated ulp of mpmath."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
from numba import njit

from sweep.kernel import elementary
from sweep.kernel.vectors import at, load, store, vector_width
from tests.compiled import addresses

mpmath.mp.prec = 160
REFERENCE: dict[str, Callable[[Any], Any]] = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "erf": mpmath.erf,
}
CASES = [  # function, range of arguments, ulp
    ("exp", (-80.0, 80.0), 1.0),
    ("exp", (-1.0, 1.0), 1.0),
    ("expm1", (-1.0, 1.0), 2.0),
    ("expm1", (-30.0, 80.0), 2.0),
    ("log", (1e-30, 10.0), 1.0),
    ("log", (0.5, 1.5), 1.0),
    ("log1p", (-0.9999, 1.0), 1.5),
    ("log1p", (-1e-3, 1e-3), 1.0),
    ("tanh", (-10.0, 10.0), 2.0),
    ("tanh", (-0.01, 0.01), 2.0),
    ("sigmoid", (-80.0, 80.0), 2.5),
    ("erf", (-6.0, 6.0), 1.0),
    ("erf", (0.9, 1.1), 1.0),
]
INF, NAN = math.inf, math.nan


def compile_over_arrays(function: Any) -> Any:
    @njit(error_model="numpy")
    def run(arrays: Any, count: int, width: int) -> None:
        pointers = addresses(arrays)
        for i in range(0, count, width):
            store(at(pointers.out, i), function(load(at(pointers.x, i))))

    return run


RUNS = {name: compile_over_arrays(getattr(elementary, name)) for name in [*REFERENCE, "cospi"]}


def apply(name: str, values: np.ndarray) -> np.ndarray:
    """Return a function of any number of values."""
    width = vector_width(values.dtype)
    x = np.zeros(-(-len(values) // width) * width, values.dtype)
    x[: len(values)] = values
    out = np.empty_like(x)
    RUNS[name](Arrays(x, out), len(x), width)
    return out[: len(values)]


class Arrays(NamedTuple):
    x: Any
    out: Any


def ulps(got: np.ndarray, exact: list[Any]) -> float:
    """Return the largest error in units of the last place of the exact value."""
    rounded = np.array([float(value) for value in exact]).astype(got.dtype)
    units = np.spacing(np.abs(rounded)).tolist()
    errors = [
        abs(mpmath.mpf(g) - e) / u for g, e, u in zip(got.tolist(), exact, units, strict=True)
    ]
    return float(max(errors))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "limits", "most"), CASES)
def test_function_is_within_its_ulp(
    name: str, limits: tuple[float, float], most: float, dtype: str
) -> None:
    x = np.random.default_rng(1).uniform(*limits, 1000).astype(dtype)
    exact = [REFERENCE[name](mpmath.mpf(value)) for value in x.tolist()]
    assert ulps(apply(name, x), exact) <= most


def test_cosine_of_the_schedule_is_within_two_float64_steps_of_one() -> None:
    x = np.linspace(0.0, 1.0, 1001)
    exact = np.array([float(mpmath.cospi(mpmath.mpf(value))) for value in x.tolist()])
    assert np.abs(apply("cospi", x) - exact).max() <= 2**-51


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("exp", [(-1e9, 0.0), (-INF, 0.0), (0.0, 1.0), (INF, INF), (1e9, INF), (NAN, NAN)]),
        ("log", [(0.0, -INF), (-1.0, NAN), (1.0, 0.0), (INF, INF), (NAN, NAN)]),
        ("log1p", [(-1.0, -INF), (-2.0, NAN), (0.0, 0.0), (NAN, NAN)]),
        ("expm1", [(-INF, -1.0), (0.0, 0.0), (NAN, NAN)]),
        ("tanh", [(-INF, -1.0), (INF, 1.0), (NAN, NAN)]),
        ("sigmoid", [(-INF, 0.0), (0.0, 0.5), (INF, 1.0), (NAN, NAN)]),
        ("erf", [(-INF, -1.0), (INF, 1.0), (NAN, NAN)]),
    ],
)
def test_function_is_exact_at_the_ends(
    name: str, pairs: list[tuple[float, float]], dtype: str
) -> None:
    arguments, expected = np.array(pairs, dtype).T
    np.testing.assert_array_equal(apply(name, np.ascontiguousarray(arguments)), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_reads_subnormal_numbers(dtype: str) -> None:
    tiny = np.finfo(dtype).smallest_subnormal
    x = np.array([tiny, 3 * tiny], dtype)
    exact = [mpmath.log(mpmath.mpf(value)) for value in x.tolist()]
    assert ulps(apply("log", x), exact) <= 1.0
