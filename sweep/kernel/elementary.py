"""Elementary functions of vectors, from polynomials of our own.

libm and SVML differ from host to host and are called element by element; these are the same bits
wherever IEEE arithmetic is, in SIMD. Each function has one algorithm and, for float32 and float64,
its own constants. Errors against mpmath, in units in the last place, are held by the tests.
"""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

import numpy as np
from numba.extending import overload

from sweep.kernel.polynomials import (
    FORMATS,
    INV_LN2,
    LN2,
    SINGLE,
    Format,
    double_log,
    sine,
    single_log,
)
from sweep.kernel.vectors import (
    VectorType,
    bits_of,
    choose,
    fma,
    from_bits,
    magnitude,
    repeated,
    to_float,
    with_sign,
)


def _function(doc: str, build: Callable[[Format], Any]) -> Any:
    """Make a function for compiled code whose constants follow the vector's format."""

    def function(x: Any) -> Any:
        raise NotImplementedError

    function.__doc__ = f"Return {doc}, element by element. In compiled code only."

    @overload(function, jit_options={"forceinline": True, "error_model": "numpy"})
    def choose_format(x: Any) -> Any:
        return unwrap(build(FORMATS[x.element])) if isinstance(x, VectorType) else None

    return function


def _build_exp(form: Format) -> Any:
    """Cody and Waite 1980: e^x = 2^n e^r, with 2^n in two steps so that it may be subnormal."""
    magic, low, least, most = form.round, form.ln2_low, form.least, form.most
    digits, bias, polynomial = form.digits, form.bias, form.exp
    high = float(form.real.type(LN2))

    def exp(x: Any) -> Any:
        x = choose(x < least, least, choose(x > most, most, x))
        shifted = fma(x, INV_LN2, magic)
        n = shifted - magic
        r = fma(n, -low, fma(n, -high, x))
        power = bits_of(shifted) - bits_of(repeated(magic, x))
        half = power >> 1
        scale = from_bits((half + bias) << digits)
        rest = from_bits((power - half + bias) << digits)
        return (fma(polynomial(r), r * r, r) + 1.0) * scale * rest

    return exp


def _build_expm1(form: Format) -> Any:
    magic, low, most = form.round, form.ln2_low, form.most - 2.0
    least = -0.75 * form.digits  # e^x - 1 rounds to -1 from here on down
    digits, bias, polynomial = form.digits, form.bias, form.exp
    high = float(form.real.type(LN2))

    def expm1(x: Any) -> Any:
        x = choose(x < least, least, choose(x > most, most, x))
        shifted = fma(x, INV_LN2, magic)
        n = shifted - magic
        r = fma(n, -low, fma(n, -high, x))
        scale = from_bits((bits_of(shifted) - bits_of(repeated(magic, x)) + bias) << digits)
        return fma(fma(polynomial(r), r * r, r), scale, scale - 1.0)

    return expm1


def _build_log_of_sum(form: Format) -> Any:
    digits, bias, root_half = form.digits, form.bias, form.root_half
    least, lift, lifted = 2.0 ** (1 - bias), 2.0 ** (digits + 1), digits + 1.0
    high, low, single = float(form.real.type(LN2)), form.ln2_low, form is SINGLE

    def log_of_sum(u: Any, c: Any) -> Any:
        tiny = u < least
        x = choose(tiny, u * lift, u)
        exponent = (bits_of(x) - root_half) >> digits
        f = from_bits(bits_of(x) - (exponent << digits)) - 1.0
        f = fma(c, from_bits((bias - exponent) << digits), f)
        e = to_float(exponent) - choose(tiny, repeated(lifted, u), 0.0)
        z = f * f
        if single:
            y = fma(e, low, single_log(f) * f * z)
            y = fma(e, high, fma(z, -0.5, y) + f)
        else:
            s = f / (f + 2.0)
            w = s * s
            y = fma(s, fma(z, 0.5, double_log(w) * w), e * low)
            y = fma(e, high, f - fma(z, 0.5, -y))
        odd = choose(u == 0.0, repeated(-np.inf, u), choose(u > 0.0, u, np.nan))
        return choose((u > 0.0) & (u < np.inf), y, odd)

    return log_of_sum


def log_of_sum(u: Any, c: Any) -> Any:
    """Return log(u + c) for a c that is at most a rounding error of u. In compiled code only."""
    raise NotImplementedError


@overload(log_of_sum, jit_options={"forceinline": True, "error_model": "numpy"})
def _log_of_sum_of_format(u: Any, c: Any) -> Any:
    return unwrap(_build_log_of_sum(FORMATS[u.element]))


def _build_log(form: Format) -> Any:
    def log(x: Any) -> Any:
        return log_of_sum(x, repeated(0.0, x))

    return log


def _build_log1p(form: Format) -> Any:
    def log1p(x: Any) -> Any:
        u = x + 1.0
        return log_of_sum(u, x - (u - 1.0))

    return log1p


def _build_tanh(form: Format) -> Any:
    end = form.tanh_end

    def tanh(x: Any) -> Any:
        y = magnitude(x) * 2.0
        e = expm1(choose(y > end, end, y))
        return with_sign(e / (e + 2.0), x)

    return tanh


def _build_sigmoid(form: Format) -> Any:
    def sigmoid(x: Any) -> Any:
        return 1.0 / (exp(-x) + 1.0)

    return sigmoid


def _build_erf(form: Format) -> Any:
    """Shepherd and Laframboise 1981 for the tail, in (x - 2) / (x + 2)."""
    small, tail, end = form.small_erf, form.tail_erf, form.erf_end

    def erf(x: Any) -> Any:
        y = magnitude(x)
        y = choose(y > end, end, y)
        t = (y - 2.0) / (y + 2.0)
        far = 1.0 - exp(-(y * y)) * tail(t)
        return choose(y < 1.0, fma(small(x * x), x, x), with_sign(far, x))

    return erf


exp = _function("e^x", _build_exp)
expm1 = _function("e^x - 1, for x below the overflow of e^x", _build_expm1)
log = _function("log(x)", _build_log)
log1p = _function("log(1 + x)", _build_log1p)
tanh = _function("tanh(x)", _build_tanh)
sigmoid = _function("1 / (1 + e^-x)", _build_sigmoid)
erf = _function("erf(x)", _build_erf)


def _build_cospi(form: Format) -> Any:
    def cospi(x: Any) -> Any:
        u = 0.5 - x
        return u * sine(u * u)

    return cospi


cospi = _function("cos(pi x) for x in [0, 1], to float64", _build_cospi)
