"""Optimizers over vectors of parameters. Knows nothing of networks or epochs.

The twins of `sweep.nets.optimizers`, to which the tests hold them: torch.optim's semantics, in the
same slots.
"""

from typing import Any, NamedTuple

from sweep.engines.fused.rates import (
    ADADELTA,
    ADAGRAD,
    ADAM,
    ADAMAX,
    ADAMW,
    H_AHEAD,
    H_EDGE,
    H_EPSILON,
    H_FRESH,
    H_GROWTH,
    H_LEAST,
    H_LESS_BETA1,
    H_LESS_RHO,
    H_MINUS,
    H_MOMENTUM,
    H_MOST,
    H_NOW,
    H_PLUS,
    H_RATE,
    H_RHO,
    H_SECOND,
    H_SHRINK,
    H_WEIGHT,
    NADAM,
    QUICKPROP,
    RMSPROP,
    RPROP,
    SGD,
)
from sweep.kernel.compilation import compiled
from sweep.kernel.vectors import at, choose, fma, load, magnitude, sqrt, store

CODES = {
    "sgd": SGD,
    "rmsprop": RMSPROP,
    "adagrad": ADAGRAD,
    "adadelta": ADADELTA,
    "adam": ADAM,
    "adamw": ADAMW,
    "nadam": NADAM,
    "adamax": ADAMAX,
    "rprop": RPROP,
    "quickprop": QUICKPROP,
}
SLOTS = {
    "sgd": (),
    "rmsprop": ("square_avg",),
    "adagrad": ("sum",),
    "adadelta": ("square_avg", "acc_delta"),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
    "nadam": ("exp_avg", "exp_avg_sq"),
    "adamax": ("exp_avg", "exp_inf"),
    "rprop": ("prev", "step_size"),
    "quickprop": ("prev", "delta"),
}
OPTIONAL_SLOTS = ("momentum_buffer", "grad_avg", "max_exp_avg_sq")


class Step(NamedTuple):
    """What an update works on: `vectors` of `width` numbers each.

    Attributes:
        parameters, gradient: changed, and read. hyper: rows of `Hyper`.
        decayed: of each parameter, 1 where weight decay works on it, else 0.
        first, second: slots, in the order of `SLOTS`. momentum, mean, most: optional slots.
        with_momentum, centered, amsgrad, nesterov: which variant.
        inside: whether epsilon is where Keras has it: inside the root, or beside what has no bias
            correction yet.
        partly: whether weight decay works on some parameters alone.
    """

    parameters: Any
    gradient: Any
    decayed: Any
    hyper: Any
    first: Any
    second: Any
    momentum: Any
    mean: Any
    most: Any
    vectors: int
    width: int
    with_momentum: bool
    centered: bool
    inside: bool
    amsgrad: bool
    nesterov: bool
    partly: bool


@compiled(glue=True)
def _hyper(s: Step, row: int) -> Any:
    return load(at(s.hyper, row * s.width))


@compiled
def decay_weights(s: Step) -> None:
    """Add each lane's weight decay times its parameters to the gradient."""
    decay = _hyper(s, H_WEIGHT)
    for i in range(0, s.vectors * s.width, s.width):
        g = load(at(s.gradient, i))
        share = decay
        if s.partly:
            share = decay * load(at(s.decayed, i))
        # Chosen, not multiplied by 0: a lane without decay keeps its bits beside one with it.
        store(at(s.gradient, i), choose(share == 0.0, g, fma(share, load(at(s.parameters, i)), g)))


@compiled
def _sgd(s: Step) -> None:
    rate, momentum, fresh = _hyper(s, H_RATE), _hyper(s, H_MOMENTUM), _hyper(s, H_FRESH)
    for i in range(0, s.vectors * s.width, s.width):
        direction = load(at(s.gradient, i))
        if s.with_momentum:
            g = direction
            direction = fma(momentum, load(at(s.momentum, i)), fresh * g)
            store(at(s.momentum, i), direction)
            if s.nesterov:
                direction = fma(momentum, direction, g)
        store(at(s.parameters, i), fma(-rate, direction, load(at(s.parameters, i))))


@compiled(glue=True)
def _root(square: Any, epsilon: Any, inside: bool) -> Any:
    if inside:
        return sqrt(square + epsilon)
    return sqrt(square) + epsilon


@compiled
def _rmsprop(s: Step) -> None:
    rate, momentum, epsilon = _hyper(s, H_RATE), _hyper(s, H_MOMENTUM), _hyper(s, H_EPSILON)
    rho, fresh = _hyper(s, H_RHO), _hyper(s, H_LESS_RHO)
    for i in range(0, s.vectors * s.width, s.width):
        g = load(at(s.gradient, i))
        square = fma(rho, load(at(s.first, i)), fresh * g * g)
        store(at(s.first, i), square)
        if s.centered:
            mean = load(at(s.mean, i))
            mean = fma(fresh, g - mean, mean)
            store(at(s.mean, i), mean)
            square = fma(-mean, mean, square)
        direction = g / _root(square, epsilon, s.inside)
        if s.with_momentum:
            direction = fma(momentum, load(at(s.momentum, i)), direction)
            store(at(s.momentum, i), direction)
        store(at(s.parameters, i), fma(-rate, direction, load(at(s.parameters, i))))


@compiled
def _adagrad(s: Step) -> None:
    rate, epsilon = _hyper(s, H_RATE), _hyper(s, H_EPSILON)
    for i in range(0, s.vectors * s.width, s.width):
        g = load(at(s.gradient, i))
        total = fma(g, g, load(at(s.first, i)))
        store(at(s.first, i), total)
        direction = g / _root(total, epsilon, s.inside)
        store(at(s.parameters, i), fma(-rate, direction, load(at(s.parameters, i))))


@compiled
def _adadelta(s: Step) -> None:
    rate, epsilon = _hyper(s, H_RATE), _hyper(s, H_EPSILON)
    rho, fresh = _hyper(s, H_RHO), _hyper(s, H_LESS_RHO)
    for i in range(0, s.vectors * s.width, s.width):
        g, moved = load(at(s.gradient, i)), load(at(s.second, i))
        square = fma(rho, load(at(s.first, i)), fresh * g * g)
        delta = sqrt(moved + epsilon) / sqrt(square + epsilon) * g
        store(at(s.first, i), square)
        store(at(s.second, i), fma(rho, moved, fresh * delta * delta))
        store(at(s.parameters, i), fma(-rate, delta, load(at(s.parameters, i))))


@compiled(glue=True)
def _moments(s: Step, i: int) -> Any:
    """Take the gradient into its two running means, and return them."""
    g, mean = load(at(s.gradient, i)), load(at(s.first, i))
    mean = fma(_hyper(s, H_LESS_BETA1), g - mean, mean)
    square = fma(_hyper(s, H_RHO), load(at(s.second, i)), _hyper(s, H_LESS_RHO) * g * g)
    store(at(s.first, i), mean)
    store(at(s.second, i), square)
    return mean, square


@compiled
def _adam(s: Step, decoupled: bool) -> None:
    rate, epsilon, second = _hyper(s, H_RATE), _hyper(s, H_EPSILON), _hyper(s, H_SECOND)
    shrink = _hyper(s, H_SHRINK)
    if s.inside:
        epsilon = epsilon * second
    for i in range(0, s.vectors * s.width, s.width):
        mean, square = _moments(s, i)
        if s.amsgrad:
            most = load(at(s.most, i))
            square = choose(most > square, most, square)
            store(at(s.most, i), square)
        p = load(at(s.parameters, i))
        if decoupled and s.partly:
            p = choose(load(at(s.decayed, i)) == 0.0, p, p * shrink)
        elif decoupled:
            p = p * shrink
        direction = mean / fma(sqrt(square), second, epsilon)
        store(at(s.parameters, i), fma(-rate, direction, p))


@compiled
def _nadam(s: Step) -> None:
    rate, epsilon, second = _hyper(s, H_RATE), _hyper(s, H_EPSILON), _hyper(s, H_SECOND)
    now, ahead = _hyper(s, H_NOW), _hyper(s, H_AHEAD)
    for i in range(0, s.vectors * s.width, s.width):
        mean, square = _moments(s, i)
        direction = fma(now, load(at(s.gradient, i)), ahead * mean)
        direction = direction / (sqrt(square / second) + epsilon)
        store(at(s.parameters, i), fma(-rate, direction, load(at(s.parameters, i))))


@compiled
def _adamax(s: Step) -> None:
    rate, epsilon, less = _hyper(s, H_RATE), _hyper(s, H_EPSILON), _hyper(s, H_LESS_BETA1)
    beta2 = _hyper(s, H_RHO)
    for i in range(0, s.vectors * s.width, s.width):
        g, mean = load(at(s.gradient, i)), load(at(s.first, i))
        mean = fma(less, g - mean, mean)
        old, new = load(at(s.second, i)) * beta2, magnitude(g)
        if not s.inside:
            new = new + epsilon
        norm = choose(old > new, old, new)
        store(at(s.first, i), mean)
        store(at(s.second, i), norm)
        if s.inside:
            norm = norm + epsilon
        store(at(s.parameters, i), fma(-rate, mean / norm, load(at(s.parameters, i))))


@compiled
def _rprop(s: Step) -> None:
    minus, plus = _hyper(s, H_MINUS), _hyper(s, H_PLUS)
    least, most = _hyper(s, H_LEAST), _hyper(s, H_MOST)
    for i in range(0, s.vectors * s.width, s.width):
        g, size = load(at(s.gradient, i)), load(at(s.second, i))
        agreement = g * load(at(s.first, i))
        turned = agreement < 0.0
        size = size * choose(turned, minus, choose(agreement > 0.0, plus, 1.0))
        size = choose(size < least, least, size)
        size = choose(size > most, most, size)
        previous = choose(turned, 0.0, g)
        store(at(s.first, i), previous)
        store(at(s.second, i), size)
        move = choose(previous > 0.0, size, choose(previous < 0.0, -size, 0.0 * previous))
        store(at(s.parameters, i), load(at(s.parameters, i)) - move)


@compiled
def _quickprop(s: Step) -> None:
    rate, growth, share = _hyper(s, H_RATE), _hyper(s, H_GROWTH), _hyper(s, H_EDGE)
    for i in range(0, s.vectors * s.width, s.width):
        g, previous, last = (
            load(at(s.gradient, i)),
            load(at(s.first, i)),
            load(at(s.second, i)),
        )
        edge, most, secant = share * previous, growth * last, last * g / (previous - g)
        falling = choose(g >= edge, most, secant)
        rising = choose(g <= edge, most, secant)
        jump = choose(last == 0.0, 0.0, choose(last < 0.0, falling, rising))
        uphill = choose(last < 0.0, -g, choose(last > 0.0, g, 0.0)) > 0.0
        step = fma(-rate, choose(uphill, 0.0, g), jump)
        store(at(s.first, i), g)
        store(at(s.second, i), step)
        store(at(s.parameters, i), load(at(s.parameters, i)) + step)


@compiled(glue=True)
def update(code: int, s: Step) -> None:
    """Make one update of optimizer `code`, at the rates that `set_rates` left."""
    if code == SGD:
        _sgd(s)
    elif code == RMSPROP:
        _rmsprop(s)
    elif code == ADAGRAD:
        _adagrad(s)
    elif code == ADADELTA:
        _adadelta(s)
    elif code in (ADAM, ADAMW):
        _adam(s, code == ADAMW)
    elif code == NADAM:
        _nadam(s)
    elif code == ADAMAX:
        _adamax(s)
    elif code == RPROP:
        _rprop(s)
    else:
        _quickprop(s)
