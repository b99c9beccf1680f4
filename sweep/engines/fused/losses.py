"""Losses and their gradients over vectors. Knows nothing of layers or lanes.

The twins of `sweep.nets.losses`, to which the tests hold them. Terms are computed in the network's
precision and summed in float64: over the outputs of a sample ascending, then over the samples.
"""

from typing import Any, NamedTuple

import numpy as np

from sweep.kernel.compilation import compiled
from sweep.kernel.elementary import exp, log, log1p, log_of_sum
from sweep.kernel.vectors import at, choose, load, magnitude, repeated, store, to_double

KERAS_EPSILON = 1e-7
TORCH_LOG_FLOOR = -100.0
TORCH_GRADIENT_FLOOR = 1e-12


class Judged(NamedTuple):
    """What a loss looks at and writes: `columns` by `features` vectors of `width` numbers.

    Attributes:
        outputs, targets: read.
        slopes: derivatives of the output activation (softmax: its logarithm; of a loss of logits:
            the pre-activations), overwritten with the gradient of the pre-activations.
        sums: one float64 vector a column, for the sum of its terms.
        scale: what the sum of all terms is multiplied with in the loss.
        softmax: whether the outputs are a softmax.
    """

    outputs: Any
    targets: Any
    slopes: Any
    sums: Any
    columns: int
    features: int
    width: int
    scale: float
    softmax: bool


@compiled(glue=True)
def _floored_log(y: Any) -> Any:
    return choose(y < TORCH_LOG_FLOOR, TORCH_LOG_FLOOR, y)


@compiled(glue=True)
def _clipped(p: Any) -> Any:
    low = choose(p < KERAS_EPSILON, KERAS_EPSILON, p)
    return choose(low > 1.0 - KERAS_EPSILON, 1.0 - KERAS_EPSILON, low)


@compiled(glue=True)
def _inside(p: Any) -> Any:
    return (p >= KERAS_EPSILON) & (p <= repeated(1.0 - KERAS_EPSILON, p))


@compiled(glue=True)
def _squared_error(p: Any, t: Any) -> Any:
    d = p - t
    return d * d, d + d


@compiled(glue=True)
def _binary_slope(p: Any, t: Any) -> Any:
    spread = p * (1.0 - p)
    return (p - t) / choose(spread < TORCH_GRADIENT_FLOOR, TORCH_GRADIENT_FLOOR, spread)


@compiled(glue=True)
def _binary_torch(p: Any, t: Any) -> Any:
    hit, miss = _floored_log(log(p)), _floored_log(log1p(-p))
    return (t - 1.0) * miss - t * hit, _binary_slope(p, t)


@compiled(glue=True)
def _binary_torch_of_bits(p: Any, t: Any) -> Any:
    """The same for targets of 0 and 1: one logarithm, the same bits."""
    u = 1.0 - p
    error = (1.0 - u) - p
    term = _floored_log(log_of_sum(choose(t == 1.0, p, u), choose(t == 1.0, 0.0, error)))
    term = choose((p >= 0.0) & (p <= 1.0), -term, np.nan)
    return term, _binary_slope(p, t)


@compiled(glue=True)
def _binary_keras(p: Any, t: Any) -> Any:
    c = _clipped(p)
    term = -(t * log(c) + (1.0 - t) * log(1.0 - c))
    return term, choose(_inside(p), (c - t) / (c * (1.0 - c)), 0.0)


@compiled(glue=True)
def _binary_keras_of_bits(p: Any, t: Any) -> Any:
    c = _clipped(p)
    term = -log(choose(t == 1.0, c, 1.0 - c))
    return term, choose(_inside(p), (c - t) / (c * (1.0 - c)), 0.0)


@compiled(glue=True)
def _categorical_torch(p: Any, t: Any) -> Any:
    y = log(p)
    return -t * _floored_log(y), choose(y < TORCH_LOG_FLOOR, 0.0, -t / p)


@compiled(glue=True)
def _categorical_keras(p: Any, t: Any) -> Any:
    c = _clipped(p)
    return -t * log(c), choose(_inside(p), -t / c, 0.0)


def _pass(function: Any) -> Any:
    """Compile a loss whose terms look at one output each."""

    @compiled
    def judge(j: Judged) -> None:
        for c in range(j.columns):
            total = repeated(0.0, to_double(load(j.outputs)))
            for i in range(c * j.features, (c + 1) * j.features):
                here = at(j.slopes, i * j.width)
                term, slope = function(
                    load(at(j.outputs, i * j.width)), load(at(j.targets, i * j.width))
                )
                slope = slope * j.scale
                store(here, slope if j.softmax else slope * load(here))
                total = total + to_double(term)
            store(at(j.sums, c * j.width), total)

    return judge


def _normalised_pass(function: Any) -> Any:
    """Compile a loss whose terms look at an output's share of the sample's sum."""

    @compiled
    def judge(j: Judged) -> None:
        for c in range(j.columns):
            whole = repeated(0.0, load(j.outputs))
            for i in range(c * j.features, (c + 1) * j.features):
                whole = whole + load(at(j.outputs, i * j.width))
            total = repeated(0.0, to_double(whole))
            common = repeated(0.0, whole)
            for i in range(c * j.features, (c + 1) * j.features):
                share = load(at(j.outputs, i * j.width)) / whole
                term, slope = function(share, load(at(j.targets, i * j.width)))
                total = total + to_double(term)
                common = common + slope * share
            for i in range(c * j.features, (c + 1) * j.features):
                here = at(j.slopes, i * j.width)
                share = load(at(j.outputs, i * j.width)) / whole
                _, slope = function(share, load(at(j.targets, i * j.width)))
                store(here, (slope - common) / whole * j.scale * load(here))
            store(at(j.sums, c * j.width), total)

    return judge


@compiled
def _binary_logits(j: Judged) -> None:
    """`slopes` holds the pre-activations."""
    for c in range(j.columns):
        total = repeated(0.0, to_double(load(j.outputs)))
        for i in range(c * j.features, (c + 1) * j.features):
            here = at(j.slopes, i * j.width)
            x, t = load(here), load(at(j.targets, i * j.width))
            term = choose(x > 0.0, x, 0.0) - x * t + log1p(exp(-magnitude(x)))
            total = total + to_double(term)
            store(here, (load(at(j.outputs, i * j.width)) - t) * j.scale)
        store(at(j.sums, c * j.width), total)


@compiled
def _categorical_logits(j: Judged) -> None:
    """torch.nn.CrossEntropyLoss: `slopes` holds the logarithm of the softmax."""
    for c in range(j.columns):
        total = repeated(0.0, to_double(load(j.outputs)))
        weight = repeated(0.0, load(j.outputs))
        for i in range(c * j.features, (c + 1) * j.features):
            weight = weight + load(at(j.targets, i * j.width))
        for i in range(c * j.features, (c + 1) * j.features):
            here = at(j.slopes, i * j.width)
            t = load(at(j.targets, i * j.width))
            total = total + to_double(-t * load(here))
            store(here, (load(at(j.outputs, i * j.width)) * weight - t) * j.scale)
        store(at(j.sums, c * j.width), total)


@compiled
def _through_softmax(j: Judged) -> None:
    """Turn the gradient of softmax outputs into that of the pre-activations."""
    for c in range(j.columns):
        common = repeated(0.0, load(j.outputs))
        for i in range(c * j.features, (c + 1) * j.features):
            common = common + load(at(j.slopes, i * j.width)) * load(at(j.outputs, i * j.width))
        for i in range(c * j.features, (c + 1) * j.features):
            here = at(j.slopes, i * j.width)
            store(here, load(at(j.outputs, i * j.width)) * (load(here) - common))


_pass_squared_error = _pass(_squared_error)
_pass_binary_torch = _pass(_binary_torch)
_pass_binary_torch_of_bits = _pass(_binary_torch_of_bits)
_pass_binary_keras = _pass(_binary_keras)
_pass_binary_keras_of_bits = _pass(_binary_keras_of_bits)
_pass_categorical_softmax = _pass(_categorical_keras)
_pass_categorical_torch = _normalised_pass(_categorical_torch)
_pass_categorical_keras = _normalised_pass(_categorical_keras)

_LOGITS = 5
_BINARY_LOGITS = 9


def loss_code(loss: str, semantics: str | None, *, softmax: bool, bits: bool) -> int:
    """Return which code `judge_outputs` takes: `bits` says that every target is 0 or 1."""
    if loss == "mean_squared_error":
        return 0
    if loss == "binary_cross_entropy":
        if semantics == "logits":
            return _BINARY_LOGITS
        return {"torch": 1, "keras": 3}[str(semantics)] + bits
    return {"torch": _LOGITS, "keras": 6}[str(semantics)] + (0 if softmax else 2)


@compiled(glue=True)
def judge_outputs(code: int, j: Judged) -> None:
    """Sum the terms of each column, and write the gradient of the pre-activations."""
    if code == 0:
        _pass_squared_error(j)
    elif code == 1:
        _pass_binary_torch(j)
    elif code == 2:
        _pass_binary_torch_of_bits(j)
    elif code == 3:
        _pass_binary_keras(j)
    elif code == 4:
        _pass_binary_keras_of_bits(j)
    elif code == _LOGITS:
        _categorical_logits(j)
    elif code == 6:
        _pass_categorical_softmax(j)
    elif code == 7:
        _pass_categorical_torch(j)
    elif code == _BINARY_LOGITS:
        _binary_logits(j)
    else:
        _pass_categorical_keras(j)
    if j.softmax and code != _LOGITS:
        _through_softmax(j)


@compiled
def find_errors(j: Judged, worst: Any, leads: Any) -> None:
    """Compare outputs with targets, for each column, as float64 vectors.

    Args:
        j: what is judged.
        worst: for the largest |output - target|.
        leads: for the output whose target is 1 less the largest of the others.
    """
    for c in range(j.columns):
        most = repeated(0.0, load(j.outputs))
        right, other = repeated(-np.inf, most), repeated(-np.inf, most)
        for i in range(c * j.features, (c + 1) * j.features):
            p, t = load(at(j.outputs, i * j.width)), load(at(j.targets, i * j.width))
            error = magnitude(p - t)
            most = choose(error <= most, most, error)
            right = choose(t == 1.0, p, right)
            other = choose((p > other) & (t != 1.0), p, other)
        store(at(worst, c * j.width), to_double(most))
        store(at(leads, c * j.width), to_double(right) - to_double(other))
