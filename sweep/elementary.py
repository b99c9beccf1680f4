"""Elementary functions that give the same bits on every machine.

NumPy's and libm's differ in the last place from one instruction set, and from one C library, to
another. What decides an identity or how a network trains uses these instead. They are made of
operations that IEEE 754 rounds in one way only (+, -, *, /, the square root), each an array
operation of its own, which nothing contracts to a fused multiply-add. The fused engine has its own
in `sweep.kernel.elementary`, for vectors in compiled code, and these in `sweep.kernel.randomness`.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from functools import lru_cache

import numpy as np
from jaxtyping import Float64

Values = Float64[np.ndarray, " values"]

MANTISSA_BITS = 52
ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of sqrt(1/2)
LN2_HIGH = 0.6931471803691238  # 32 bits of ln 2: times an exponent it is exact
LN2_LOW = 1.9082149292705877e-10

# By powers of s^2: (2 artanh(s) / s - 2) / s^2 for |s| <= 0.172.
LOG_SERIES = np.array([[2.0 / (2 * k + 1)] for k in range(1, 10)])

# By powers of r^2: sin(pi r) / r and cos(pi r) for |r| <= 1/4, both of Taylor's series.
SINE_AND_COSINE_SERIES = np.array(
    [
        (3.141592653589793, 1.0),
        (-5.16771278004997, -4.934802200544679),
        (2.5501640398773455, 4.0587121264167685),
        (-0.5992645293207921, -1.3352627688545895),
        (0.08214588661112823, 0.2353306303588932),
        (-0.0073704309457143504, -0.02580689139001406),
        (0.00046630280576761255, 0.0019295743094039231),
        (-2.1915353447830217e-05, -0.0001046381049248457),
        (7.952054001475513e-07, 4.303069587032947e-06),
    ]
)
_DECIMAL = Context(prec=40, traps=[])


def log(x: Values) -> Values:
    """Return the natural logarithms of positive, normal numbers, to 1 ulp.

    As fdlibm's e_log.c does: x = 2^k (1 + f), and log(1 + f) from s = f / (2 + f).
    """
    bits = x.view(np.int64)
    k = (bits - ROOT_HALF) >> MANTISSA_BITS
    f = (bits - (k << MANTISSA_BITS)).view(np.float64) - 1.0
    s = f / (f + 2.0)
    z = s * s
    (series,) = _polynomials(z, LOG_SERIES)
    half = f * f * 0.5
    return k * LN2_HIGH - ((half - (s * (series * z + half) + k * LN2_LOW)) - f)


def sine_and_cosine(turns: Values) -> tuple[Values, Values]:
    """Return sin(2 pi t) and cos(2 pi t) for t in [0, 1], to 1.6 ulp."""
    quarters = np.rint(4.0 * turns)
    r = 2.0 * turns - 0.5 * quarters  # exact
    sine, cosine = _polynomials(r * r, SINE_AND_COSINE_SERIES)
    sine *= r
    quadrant = quarters.astype(np.int64)
    swapped = quadrant & 1 == 1
    sign, other_sign = 1 - (quadrant & 2), 1 - (quadrant + 1 & 2)
    return sign * np.where(swapped, cosine, sine), other_sign * np.where(swapped, sine, cosine)


@lru_cache(maxsize=4096)
def power(base: float, exponent: float) -> float:
    """Return base ** exponent for a base of 0 or more: the float nearest to the exact value."""
    if exponent == 0.0:
        return 1.0
    return float(_DECIMAL.power(Decimal(base), Decimal(exponent)))


def _polynomials(
    z: Values, coefficients: Float64[np.ndarray, "powers polynomials"]
) -> Sequence[Values]:
    """Return the values of polynomials whose coefficients are the columns, constants first."""
    columns = coefficients[:, :, None]
    total = columns[-1] * z
    for column in columns[-2:0:-1]:
        total += column
        total *= z
    return total + columns[0]  # type: ignore[no-any-return]
