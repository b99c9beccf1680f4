"""Activations and their derivatives over vectors. Knows nothing of layers.

The twins of `sweep.nets.activations`, to which the tests hold them.
"""

from typing import Any, NamedTuple

from sweep.kernel.compilation import compiled
from sweep.kernel.elementary import erf, exp, expm1, log, log1p, sigmoid, tanh
from sweep.kernel.vectors import at, choose, fma, load, repeated, store

SELU_ALPHA = 1.6732632423543772  # Klambauer et al. 2017
SELU_SCALE = 1.0507009873554805
SOFTPLUS_END = 20.0  # torch.nn.Softplus is the identity beyond
ROOT_HALF = 0.7071067811865476
ROOT_INV_TAU = 0.3989422804014327  # 1 / sqrt(2 pi)


class Bend(NamedTuple):
    """The parameters of a layer's activation, a vector each: leaky_relu's slope, elu's alpha.

    `flat_spot` is added to the derivatives of sigmoid and tanh; these are no less than +0, so that
    a flat spot of 0 leaves their bits.
    """

    slope: Any
    alpha: Any
    flat_spot: Any


@compiled(glue=True)
def _sigmoid(x: Any, bend: Bend) -> Any:
    y = sigmoid(x)
    return y, y * (1.0 - y) + load(bend.flat_spot)


@compiled(glue=True)
def _sigmoid_of_logits(x: Any, bend: Bend) -> Any:
    """For a loss that takes pre-activations: they stay, in place of the derivatives."""
    return sigmoid(x), x


@compiled(glue=True)
def _tanh(x: Any, bend: Bend) -> Any:
    y = tanh(x)
    return y, 1.0 - y * y + load(bend.flat_spot)


@compiled(glue=True)
def _relu(x: Any, bend: Bend) -> Any:
    return choose(x <= 0.0, 0.0, x), choose(x > 0.0, repeated(1.0, x), 0.0)


@compiled(glue=True)
def _leaky_relu(x: Any, bend: Bend) -> Any:
    slope = load(bend.slope)
    return choose(x > 0.0, x, slope * x), choose(x > 0.0, 1.0, slope)


@compiled(glue=True)
def _elu(x: Any, bend: Bend) -> Any:
    alpha = load(bend.alpha)
    e = expm1(choose(x > 0.0, 0.0, x))
    return choose(x > 0.0, x, alpha * e), choose(x > 0.0, 1.0, alpha * (e + 1.0))


@compiled(glue=True)
def _selu(x: Any, bend: Bend) -> Any:
    e = expm1(choose(x > 0.0, 0.0, x)) * (SELU_ALPHA * SELU_SCALE)
    below = e + SELU_ALPHA * SELU_SCALE
    return choose(x > 0.0, SELU_SCALE * x, e), choose(x > 0.0, SELU_SCALE, below)


@compiled(glue=True)
def _gelu(x: Any, bend: Bend) -> Any:
    share = (erf(x * ROOT_HALF) + 1.0) * 0.5
    density = exp(x * x * -0.5) * ROOT_INV_TAU
    return x * share, fma(x, density, share)


@compiled(glue=True)
def _silu(x: Any, bend: Bend) -> Any:
    s = sigmoid(x)
    return x * s, s * fma(x, 1.0 - s, 1.0)


@compiled(glue=True)
def _softplus(x: Any, bend: Bend) -> Any:
    beyond = x > SOFTPLUS_END
    return choose(beyond, x, log1p(exp(x))), choose(beyond, 1.0, sigmoid(x))


@compiled(glue=True)
def _identity(x: Any, bend: Bend) -> Any:
    return x, repeated(1.0, x)


def _pass(function: Any) -> Any:
    """Compile a pass of an activation over `count` vectors."""

    @compiled
    def activate(slopes: Any, values: Any, count: int, width: int, bend: Bend) -> None:
        for i in range(count):
            here = at(slopes, i * width)
            value, derivative = function(load(here), bend)
            store(at(values, i * width), value)
            store(here, derivative)

    return activate


_pass_sigmoid = _pass(_sigmoid)
_pass_sigmoid_of_logits = _pass(_sigmoid_of_logits)
_pass_tanh = _pass(_tanh)
_pass_relu = _pass(_relu)
_pass_leaky_relu = _pass(_leaky_relu)
_pass_elu = _pass(_elu)
_pass_selu = _pass(_selu)
_pass_gelu = _pass(_gelu)
_pass_silu = _pass(_silu)
_pass_softplus = _pass(_softplus)
_pass_identity = _pass(_identity)

SOFTMAX = 10
SIGMOID_OF_LOGITS = 11
CODES = {
    "sigmoid": 0,
    "tanh": 1,
    "relu": 2,
    "leaky_relu": 3,
    "elu": 4,
    "selu": 5,
    "gelu": 6,
    "silu": 7,
    "softplus": 8,
    "identity": 9,
    "softmax": SOFTMAX,
}


@compiled(glue=True)
def activate(code: int, slopes: Any, values: Any, count: int, width: int, bend: Bend) -> None:
    """Apply an activation to `count` vectors of `width` numbers each.

    `code` is of `CODES`, all but softmax, or `SIGMOID_OF_LOGITS`. `slopes` holds pre-activations,
    and is overwritten with the derivatives there; the activations go to `values`.
    """
    if code == 0:
        _pass_sigmoid(slopes, values, count, width, bend)
    elif code == 1:
        _pass_tanh(slopes, values, count, width, bend)
    elif code == 2:
        _pass_relu(slopes, values, count, width, bend)
    elif code == 3:
        _pass_leaky_relu(slopes, values, count, width, bend)
    elif code == 4:
        _pass_elu(slopes, values, count, width, bend)
    elif code == 5:
        _pass_selu(slopes, values, count, width, bend)
    elif code == 6:
        _pass_gelu(slopes, values, count, width, bend)
    elif code == 7:
        _pass_silu(slopes, values, count, width, bend)
    elif code == 8:
        _pass_softplus(slopes, values, count, width, bend)
    elif code == SIGMOID_OF_LOGITS:
        _pass_sigmoid_of_logits(slopes, values, count, width, bend)
    else:
        _pass_identity(slopes, values, count, width, bend)


@compiled
def softmax(logits: Any, values: Any, columns: int, features: int, width: int) -> None:
    """Apply softmax along the features of each column; its logarithm overwrites the logits."""
    for c in range(columns):
        row, out = at(logits, c * features * width), at(values, c * features * width)
        top = load(row)
        for i in range(1, features):
            x = load(at(row, i * width))
            top = choose(top >= x, top, x)
        total = repeated(0.0, top)
        for i in range(features):
            e = exp(load(at(row, i * width)) - top)
            store(at(out, i * width), e)
            total = total + e
        log_total = log(total)
        for i in range(features):
            store(at(out, i * width), load(at(out, i * width)) / total)
            store(at(row, i * width), load(at(row, i * width)) - top - log_total)
