"""The constants of the elementary functions, for float32 and float64.

Polynomials are fitted at Chebyshev nodes in 50 digits, which is near minimax.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types

from sweep.kernel.vectors import horner


class Format(NamedTuple):
    """What distinguishes the algorithms in float32 and float64.

    Attributes:
        digits: explicit bits of the mantissa. bias: of the exponent.
        round: adding it leaves the nearest integer in the lowest bits.
        least, most: arguments beyond which exp is 0 or infinite.
        exp: (e^r - 1 - r) / r^2 on [-ln 2 / 2, ln 2 / 2].
        small_erf: erf(x) / x - 1 in x^2 on [0, 1].
        tail_erf: e^(x^2) erfc(x) in (x - 2) / (x + 2) on [1, erf_end], where erf rounds to 1.
        root_half: the bits of sqrt(1/2).
    """

    real: np.dtype
    digits: int
    bias: int
    round: float
    least: float
    most: float
    tanh_end: float
    erf_end: float
    ln2_low: float
    root_half: int
    exp: Any
    small_erf: Any
    tail_erf: Any


LN2 = 0.6931471805599453
LN2_LOW = 2.3190468138462996e-17  # ln 2 less its float64
INV_LN2 = 1.4426950408889634

SINGLE = Format(
    real=np.dtype(np.float32),
    digits=23,
    bias=127,
    round=1.5 * 2**23,
    least=-104.0,
    most=89.0,
    tanh_end=20.0,
    erf_end=4.0,
    ln2_low=LN2 - float(np.float32(LN2)),
    root_half=0x3F3504F3,
    exp=horner(
        (
            0.5,
            0.16666576666119928,
            0.04166655421298415,
            0.008363232883682618,
            0.0013926250831497611,
        )
    ),
    small_erf=horner(
        (
            0.12837916706102265,
            -0.3761263846223881,
            0.11283782391630669,
            -0.026865423854304828,
            0.005221010295826426,
            -0.0008483737462726216,
            0.0001126326575597479,
            -9.658781624937798e-06,
        )
    ),
    tail_erf=horner(
        (
            0.25539567630840293,
            -0.42718584835626777,
            0.24165819485055648,
            -0.0789784691908973,
            0.003732869042460541,
            0.0069938697918363775,
            -0.0008470130497956616,
            -0.0009390285554819318,
            4.6629915562784506e-05,
        )
    ),
)
DOUBLE = Format(
    real=np.dtype(np.float64),
    digits=52,
    bias=1023,
    round=1.5 * 2**52,
    least=-746.0,
    most=710.0,
    tanh_end=40.0,
    erf_end=6.0,
    ln2_low=LN2_LOW,
    root_half=0x3FE6A09E667F3BCD,
    exp=horner(
        (
            0.5,
            0.1666666666666667,
            0.04166666666666667,
            0.008333333333326084,
            0.0013888888888883711,
            0.0001984126987500228,
            2.480158732567746e-05,
            2.755725517000089e-06,
            2.755727347871858e-07,
            2.5105312729622103e-08,
            2.09147553258932e-09,
        )
    ),
    small_erf=horner(
        (
            0.1283791670955126,
            -0.3761263890318375,
            0.11283791670954874,
            -0.02686617064507574,
            0.005223977624807219,
            -0.0008548326980182912,
            0.00012055331086848378,
            -1.4925594646958151e-05,
            1.6460990174094e-06,
            -1.6350199713644607e-07,
            1.4658991770831064e-08,
            -1.1369733985806717e-09,
            5.951768298966817e-11,
        )
    ),
    tail_erf=horner(
        (
            0.25539567631050575,
            -0.4271858474139584,
            0.24165819424246648,
            -0.07897858101573228,
            0.0037328924043265746,
            0.006997461739215831,
            -0.0008471432508679153,
            -0.0009819770272212142,
            4.355560137115743e-05,
            0.00017436117977748445,
            2.7525478778487625e-05,
            -2.7580030530192446e-05,
            -1.3967891548200675e-05,
            1.3935407223526918e-06,
            3.7874017547960887e-06,
            1.1766733323457687e-06,
            -5.265315151239261e-07,
            -4.2529228733691916e-07,
        )
    ),
)
FORMATS = {types.float32: SINGLE, types.float64: DOUBLE}

single_log = horner(  # (log(1 + f) - f + f^2 / 2) / f^3 on [sqrt(1/2) - 1, sqrt(2) - 1]
    (
        0.3333333112439529,
        -0.24999997134132124,
        0.20000730261434535,
        -0.16667797349861282,
        0.14248507607648805,
        -0.12425421738382374,
        0.1169113206134466,
        -0.11484453251328997,
        0.06961009006125254,
    )
)
double_log = horner(  # (2 atanh(s) / s - 2) / s^2 in s^2, for s = f / (2 + f)
    (
        0.6666666666666666,
        0.4000000000000091,
        0.28571428570781665,
        0.22222222396675667,
        0.18181795111440002,
        0.15386268378030402,
        0.13268007360975395,
        0.1309461196778517,
    )
)
sine = horner(  # sin(pi u) / u in u^2 on [-1/2, 1/2], float64
    (
        3.141592653589793,
        -5.16771278004997,
        2.5501640398773455,
        -0.5992645293207869,
        0.08214588661099323,
        -0.0073704309436981265,
        0.00046630278743017953,
        -2.191525017889024e-05,
        7.94853625103606e-07,
        -2.2283449988570567e-08,
    )
)
