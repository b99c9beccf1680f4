"""Hyperparameters of lanes, and what becomes of them from epoch to epoch. Knows no parameters.

Schedules, decay and bias corrections differ by epoch but not by parameter: `set_rates` finds them
once an epoch, in float64, for a vector's worth of lanes.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from sweep.engines.state import Lanes
from sweep.kernel.compilation import compiled
from sweep.kernel.elementary import cospi, exp, expm1, log, log1p
from sweep.kernel.vectors import (
    at,
    choose,
    floor,
    load,
    load_doubles,
    sqrt,
    store,
    to_precision,
)
from sweep.trial import Trial

(SGD, RMSPROP, ADAGRAD, ADADELTA, ADAM, ADAMW, NADAM, ADAMAX, RPROP, QUICKPROP) = range(10)


class Given(IntEnum):
    """Rows of a lane's hyperparameters as given, in float64."""

    RATE = 0
    SCHEDULE = 1
    FACTOR = 2
    PERIOD = 3
    DECAY = 4
    WEIGHT_DECAY = 5
    DAMPENING = 6
    BETA1 = 7
    BETA2 = 8
    MOMENTUM_DECAY = 9


class Hyper(IntEnum):
    """Rows of what an update reads, in the network's precision; the first few change by epoch."""

    RATE = 0  # learning rate of this update; adam, adamax: over the first bias correction
    SHRINK = 1  # adamw: 1 - rate * weight decay
    FRESH = 2  # sgd: share of the gradient in its momentum
    SECOND = 3  # adam: 1 / root of the second correction; nadam: the second correction
    NOW = 4  # nadam: share of the gradient
    AHEAD = 5  # nadam: share of its mean
    WEIGHT_DECAY = 6
    MOMENTUM = 7
    RHO = 8  # rmsprop, adadelta; beta2 of the adam family
    ONE_LESS_RHO = 9
    EPSILON = 10
    ONE_LESS_BETA1 = 11
    ETA_MINUS = 12
    ETA_PLUS = 13
    STEP_MIN = 14
    STEP_MAX = 15
    SLOPE = 16
    ALPHA = 17
    OUTPUT_SLOPE = 18
    OUTPUT_ALPHA = 19
    FLAT_SPOT = 20
    MAX_GROWTH = 21
    EDGE = 22  # quickprop: share of the slope before beyond which a step is the largest
    CLIP_LIMIT = 23


SCHEDULES = ("constant", "exponential", "step", "cosine")
LOG_NADAM_BASE = -0.040821994520255166  # log(0.96), Dozat 2016


def given_numbers(lanes: Lanes) -> Float64[np.ndarray, "lanes given"]:
    """Return the hyperparameters of every lane as the columns of `Given`."""
    table = np.zeros((len(lanes), len(Given)))
    table[:, Given.RATE] = lanes.numbers("learning_rate")
    table[:, Given.SCHEDULE] = [SCHEDULES.index(n) for n in lanes.names("learning_rate_schedule")]
    table[:, Given.FACTOR] = lanes.numbers("learning_rate_factor", 1.0)
    table[:, Given.PERIOD] = lanes.numbers("learning_rate_period", 1.0)
    table[:, Given.DECAY] = lanes.numbers("optimizer_decay")
    table[:, Given.WEIGHT_DECAY] = lanes.numbers("weight_decay")
    for name in ("dampening", "beta1", "beta2", "momentum_decay"):
        table[:, Given[name.upper()]] = lanes.numbers(f"optimizer_{name}")
    return table


def hyper_numbers(lanes: Lanes) -> Float64[np.ndarray, "lanes hyper"]:
    """Return the hyperparameters of every lane as the columns of `Hyper`, epoch by epoch ones 0."""
    table = np.zeros((len(lanes), len(Hyper)))
    for name in (
        "momentum",
        "epsilon",
        "eta_minus",
        "eta_plus",
        "step_min",
        "step_max",
        "max_growth",
    ):
        table[:, Hyper[name.upper()]] = lanes.numbers(f"optimizer_{name}")
    rho = "optimizer_beta2" if "adam" in lanes.shape.optimizer else "optimizer_rho"
    table[:, Hyper.RHO] = lanes.numbers(rho)
    table[:, Hyper.ONE_LESS_RHO] = 1.0 - lanes.numbers(rho)
    table[:, Hyper.ONE_LESS_BETA1] = 1.0 - lanes.numbers("optimizer_beta1")
    if lanes.shape.optimizer != "adamw":
        table[:, Hyper.WEIGHT_DECAY] = lanes.numbers("weight_decay")
    growth = table[:, Hyper.MAX_GROWTH]
    table[:, Hyper.EDGE] = growth / (1.0 + growth)
    table[:, Hyper.FLAT_SPOT] = lanes.numbers("flat_spot")
    table[:, Hyper.CLIP_LIMIT] = lanes.numbers("gradient_clip_limit")
    table[:, Hyper.SLOPE] = lanes.numbers("activation_slope", 0.01)
    table[:, Hyper.ALPHA] = lanes.numbers("activation_alpha", 1.0)
    table[:, Hyper.OUTPUT_SLOPE] = lanes.numbers("output_activation_slope", 0.01)
    table[:, Hyper.OUTPUT_ALPHA] = lanes.numbers("output_activation_alpha", 1.0)
    return table


def rates_move(shape: Trial, given: Float64[np.ndarray, "lanes given"]) -> bool:
    """Return whether anything that `set_rates` finds differs from epoch to epoch."""
    scheduled = given[:, [Given.SCHEDULE, Given.DECAY]].any()
    return bool(scheduled) or "adam" in shape.optimizer or shape.optimizer == "sgd"


_RATE, _SCHEDULE, _FACTOR, _PERIOD = (int(g) for g in list(Given)[:4])
_DECAY, _WEIGHT, _DAMPENING, _BETA1, _BETA2, _SLOWING = (int(g) for g in list(Given)[4:])
(H_RATE, H_SHRINK, H_FRESH, H_SECOND, H_NOW, H_AHEAD, H_WEIGHT, H_MOMENTUM) = range(8)
(H_RHO, H_LESS_RHO, H_EPSILON, H_LESS_BETA1, H_MINUS, H_PLUS, H_LEAST, H_MOST) = range(8, 16)
H_GROWTH, H_EDGE = int(Hyper.MAX_GROWTH), int(Hyper.EDGE)


class Rates(NamedTuple):
    """Where `set_rates` finds and leaves a vector's worth of lanes; rows `width` numbers apart.

    Attributes:
        given: rows of `Given`. epochs: epochs trained so far. product: nadam's mu_product.
        hyper: rows of `Hyper`.
    """

    given: Any
    epochs: Any
    product: Any
    hyper: Any
    width: int


@compiled(glue=True)
def _power(base: Any, exponent: Any) -> Any:
    return choose(exponent == 0.0, 1.0, exp(log(base) * exponent))


@compiled
def _scheduled_rate(r: Rates, like: Any) -> Any:
    rate = load_doubles(at(r.given, _RATE * r.width), like)
    form = load_doubles(at(r.given, _SCHEDULE * r.width), like)
    factor = load_doubles(at(r.given, _FACTOR * r.width), like)
    period = load_doubles(at(r.given, _PERIOD * r.width), like)
    decay = load_doubles(at(r.given, _DECAY * r.width), like)
    epochs = load_doubles(r.epochs, like)
    progress = epochs / period
    whole = floor(progress)
    smooth = rate * _power(factor, choose(form == 2.0, whole, progress))
    share = (cospi(choose(progress > 1.0, 1.0, progress)) + 1.0) * 0.5
    cosine = rate * (factor + (1.0 - factor) * share)
    now = choose(form == 0.0, rate, choose(form == 3.0, cosine, smooth))
    return now / (epochs * decay + 1.0)


@compiled(glue=True)
def _nadam_momentum(beta: Any, exponent: Any) -> Any:
    return beta * (1.0 - exp(exponent * LOG_NADAM_BASE) * 0.5)


@compiled
def set_rates(code: int, r: Rates) -> None:
    """Find what the next update of optimizer `code` needs, for a vector's worth of lanes."""
    like = load(r.hyper)
    rate = _scheduled_rate(r, like)
    epochs = load_doubles(r.epochs, like)
    count = epochs + 1.0
    if code == ADAMW:
        decay = load_doubles(at(r.given, _WEIGHT * r.width), like)
        _set(r, H_SHRINK, 1.0 - rate * decay)
    if code == SGD:
        dampening = load_doubles(at(r.given, _DAMPENING * r.width), like)
        _set(r, H_FRESH, choose(epochs == 0.0, 1.0, 1.0 - dampening))
    if code in (ADAM, ADAMW, NADAM, ADAMAX):
        beta1 = load_doubles(at(r.given, _BETA1 * r.width), like)
        beta2 = load_doubles(at(r.given, _BETA2 * r.width), like)
        second = -expm1(log1p(beta2 - 1.0) * count)
        if code == NADAM:
            _set(r, H_SECOND, second)
            _set_nadam(r, beta1, count)
        else:
            rate = rate / -expm1(log1p(beta1 - 1.0) * count)
            _set(r, H_SECOND, 1.0 / sqrt(second))
    _set(r, H_RATE, rate)


@compiled(glue=True)
def _set(r: Rates, row: int, values: Any) -> None:
    store(at(r.hyper, row * r.width), to_precision(values, r.hyper))


@compiled
def _set_nadam(r: Rates, beta: Any, count: Any) -> None:
    slowing = load_doubles(at(r.given, _SLOWING * r.width), beta)
    now = _nadam_momentum(beta, slowing * count)
    ahead = _nadam_momentum(beta, slowing * (count + 1.0))
    product = load_doubles(r.product, beta) * now
    store(r.product, product)
    _set(r, H_NOW, (1.0 - now) / (1.0 - product))
    _set(r, H_AHEAD, ahead / (1.0 - product * ahead))
