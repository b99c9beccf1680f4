"""What compiled kernels are written in: vectors of numbers, and functions of them.

Components (docs/plugins.md) write their kernel forms with these: arithmetic and comparisons of
vectors as Python has them, `choose` in place of `if`, and the functions below, each of which has
the same bits on every processor. A function that another one calls is marked `inlined`.
"""

from sweep.kernel.compilation import compiled, inlined
from sweep.kernel.elementary import cospi, erf, exp, expm1, log, log1p, log_of_sum, sigmoid, tanh
from sweep.kernel.vectors import (
    at,
    choose,
    floor,
    fma,
    load,
    magnitude,
    nearest_integer,
    repeated,
    sqrt,
    store,
    to_double,
    with_sign,
)

__all__ = [
    "at",
    "choose",
    "compiled",
    "cospi",
    "erf",
    "exp",
    "expm1",
    "floor",
    "fma",
    "inlined",
    "load",
    "log",
    "log1p",
    "log_of_sum",
    "magnitude",
    "nearest_integer",
    "repeated",
    "sigmoid",
    "sqrt",
    "store",
    "tanh",
    "to_double",
    "with_sign",
]
