"""The components' forms for the kernel, each compiled on its own and called by its address.

A pack compiles only the components that it uses; the kernel itself names none.
"""

# mypy: disable-error-code="no-untyped-call"

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numba import types

from sweep.components.activations import Activation
from sweep.components.clipping import Clipping
from sweep.components.losses import Loss, Sees, Variant
from sweep.components.optimizers import Optimizer
from sweep.components.schedules import Schedule
from sweep.components.spec import Component
from sweep.kernel.compilation import compiled, inlined
from sweep.kernel.pointers import Pointed, doubles_at, store_rounded, store_vectors, vectors_at
from sweep.kernel.vectors import (
    at,
    choose,
    load,
    load_doubles,
    repeated,
    store,
    to_double,
    to_precision,
    vector_width,
)

NOTHING = 0
"""The address of no function."""
WORD, DOUBLE, DOUBLES = types.int64, types.float64, types.CPointer(types.float64)
_NUMBERS = {"float32": types.CPointer(types.float32), "float64": DOUBLES}
_kept: dict[tuple[str, ...], Pointed] = {}


def _address(
    make: Callable[[], Callable[..., None]],
    arguments: str,
    *,
    of: tuple[Component, ...],
    variant: str,
    dtype: str,
) -> int:
    """Return the address of a compiled form, made once a process.

    Args:
        make: returns the function to compile.
        arguments: its arguments, a letter each: n pointer to numbers of `dtype`, d pointer to
            doubles, w word, x double.
        of: the components that it is a form of.
        variant: names what else it depends on.
        dtype: of the network.
    """
    names = [f"{type(c).__module__}.{type(c).__qualname__}" for c in of]
    key = (*names, variant, dtype)
    if key not in _kept:
        kinds = {"n": _NUMBERS[dtype], "d": DOUBLES, "w": WORD, "x": DOUBLE}
        tag = "-".join(key).removeprefix("sweep.components.")
        sources = [source for component in of for source in _sources(component)]
        made = Pointed(make(), [kinds[k] for k in arguments], tag=tag, sources=sources)
        _kept[key] = made
    return _kept[key].address


def _sources(component: Component) -> tuple[Path, ...]:
    """Return the files that a component's forms depend on: its family's or its own, and this."""
    own = Path(inspect.getfile(type(component)))
    family = type(component).__module__.startswith("sweep.components.")
    return (*(sorted(own.parent.glob("*.py")) if family else [own]), Path(__file__))


def activation_form(component: Activation, dtype: str, *, keeps_logits: bool = False) -> int:
    """Compile an activation for layers: (slopes, values, columns, units, options, flat_spot).

    `slopes` holds pre-activations, which are overwritten with the derivatives there unless
    `keeps_logits`; the activations go to `values`. Options and flat spot are a vector each.
    """
    width, count = vector_width(np.dtype(dtype)), len(component.options)
    flattens, whole = component.flattens, component.elementwise

    def make() -> Callable[..., None]:
        kernel = component.kernel()
        assert kernel is not None, component

        if not whole:
            whole_columns = compiled(kernel)

            def columnwise(
                slopes: Any, values: Any, columns: int, units: int, options: Any, flat_spot: Any
            ) -> None:
                whole_columns(slopes, values, columns, units, width)

            return columnwise
        function = inlined(kernel)

        def elementwise(
            slopes: Any, values: Any, columns: int, units: int, options: Any, flat_spot: Any
        ) -> None:
            given = vectors_at(options, width, count)
            for i in range(columns * units):
                here = at(slopes, i * width)
                value, derivative = function(load(here), given)
                store(at(values, i * width), value)
                if not keeps_logits:
                    if flattens:
                        derivative = derivative + load(flat_spot)
                    store(here, derivative)

        return elementwise

    variant = "logits" if keeps_logits else "slopes"
    return _address(make, "nnwwnn", of=(component,), variant=variant, dtype=dtype)


def loss_form(component: Loss, variant: Variant, dtype: str) -> int:
    """Compile a loss: (outputs, targets, slopes, sums, columns, features, scale).

    `slopes` holds the derivatives of the outputs (of a softmax its logarithm, or what the loss
    wants: the pre-activations), and is overwritten with the gradient of the pre-activations;
    `sums` takes a vector of doubles for each column, the sum of its terms.
    """
    width, softmax = vector_width(np.dtype(dtype)), variant.softmax

    def make() -> Callable[..., None]:
        kernel = component.kernel(variant)
        assert kernel is not None, component
        build = {
            Sees.OUTPUT: _of_outputs,
            Sees.SHARE: _of_shares,
            Sees.LOGITS: _of_logits,
            Sees.WEIGHTED_LOGITS: _of_weighted_logits,
        }[kernel.sees]
        form = build(inlined(kernel.term), width, softmax)
        if not softmax or kernel.sees is not Sees.OUTPUT:
            return form
        own = compiled(form)

        def through_softmax(
            outputs: Any,
            targets: Any,
            slopes: Any,
            sums: Any,
            columns: int,
            features: int,
            scale: float,
        ) -> None:
            """Turn the gradient of the shares into that of the pre-activations."""
            own(outputs, targets, slopes, sums, columns, features, scale)
            for c in range(columns):
                common = repeated(0.0, load(outputs))
                for i in range(c * features, (c + 1) * features):
                    common = common + load(at(slopes, i * width)) * load(at(outputs, i * width))
                for i in range(c * features, (c + 1) * features):
                    here = at(slopes, i * width)
                    store(here, load(at(outputs, i * width)) * (load(here) - common))

        return through_softmax

    own = [n for n in component.options if n not in Loss.options and n != "semantics"]
    told = "".join(f"-{name}={variant.options[name]}" for name in own)
    name = f"{variant.semantics}-{'softmax' if softmax else 'units'}{'-bits' * variant.bits}{told}"
    return _address(make, "nnndwwx", of=(component,), variant=name, dtype=dtype)


def _of_outputs(term: Any, width: int, softmax: bool) -> Callable[..., None]:
    def of_outputs(
        outputs: Any, targets: Any, slopes: Any, sums: Any, columns: int, features: int, scale: Any
    ) -> None:
        for c in range(columns):
            total = repeated(0.0, to_double(load(outputs)))
            for i in range(c * features, (c + 1) * features):
                here = at(slopes, i * width)
                found, slope = term(load(at(outputs, i * width)), load(at(targets, i * width)))
                slope = slope * scale
                if not softmax:
                    slope = slope * load(here)
                store(here, slope)
                total = total + to_double(found)
            store(at(sums, c * width), total)

    return of_outputs


def _of_shares(term: Any, width: int, softmax: bool) -> Callable[..., None]:
    def of_shares(
        outputs: Any, targets: Any, slopes: Any, sums: Any, columns: int, features: int, scale: Any
    ) -> None:
        for c in range(columns):
            whole = repeated(0.0, load(outputs))
            for i in range(c * features, (c + 1) * features):
                whole = whole + load(at(outputs, i * width))
            total = repeated(0.0, to_double(whole))
            common = repeated(0.0, whole)
            for i in range(c * features, (c + 1) * features):
                share = load(at(outputs, i * width)) / whole
                found, slope = term(share, load(at(targets, i * width)))
                total = total + to_double(found)
                common = common + slope * share
            for i in range(c * features, (c + 1) * features):
                here = at(slopes, i * width)
                share = load(at(outputs, i * width)) / whole
                _, slope = term(share, load(at(targets, i * width)))
                store(here, (slope - common) / whole * scale * load(here))
            store(at(sums, c * width), total)

    return of_shares


def _of_logits(term: Any, width: int, softmax: bool) -> Callable[..., None]:
    def of_logits(
        outputs: Any, targets: Any, slopes: Any, sums: Any, columns: int, features: int, scale: Any
    ) -> None:
        for c in range(columns):
            total = repeated(0.0, to_double(load(outputs)))
            for i in range(c * features, (c + 1) * features):
                here, output = at(slopes, i * width), load(at(outputs, i * width))
                found, slope = term(load(here), output, load(at(targets, i * width)), output)
                total = total + to_double(found)
                store(here, slope * scale)
            store(at(sums, c * width), total)

    return of_logits


def _of_weighted_logits(term: Any, width: int, softmax: bool) -> Callable[..., None]:
    def of_weighted_logits(
        outputs: Any, targets: Any, slopes: Any, sums: Any, columns: int, features: int, scale: Any
    ) -> None:
        for c in range(columns):
            total = repeated(0.0, to_double(load(outputs)))
            weight = repeated(0.0, load(outputs))
            for i in range(c * features, (c + 1) * features):
                weight = weight + load(at(targets, i * width))
            for i in range(c * features, (c + 1) * features):
                here, output = at(slopes, i * width), load(at(outputs, i * width))
                found, slope = term(load(here), output, load(at(targets, i * width)), weight)
                total = total + to_double(found)
                store(here, slope * scale)
            store(at(sums, c * width), total)

    return of_weighted_logits


def clipping_form(component: Clipping, dtype: str) -> int:
    """Compile a clipping of the lanes side by side: (gradient, limits, parameters, stride)."""

    def make() -> Callable[..., None]:
        kernel = component.kernel()
        assert kernel is not None, component
        clip = compiled(kernel)

        def clipping(gradient: Any, limits: Any, parameters: int, stride: int) -> None:
            for lane in range(stride):
                clip(gradient, lane, 1.0 * limits[lane], parameters, stride)

        return clipping

    return _address(make, "nnww", of=(component,), variant="lanes", dtype=dtype)


def rates_form(
    schedule: Schedule, optimizer: Optimizer, flags: Mapping[str, Any], dtype: str
) -> int:
    """Compile what changes by epoch: (given, epochs, scalars, hyper), rows of a vector's lanes.

    `given` holds in float64 the learning rate, the schedule's factor and period, old Keras's decay,
    the weight decay, and the options that the optimizer reads. `hyper` takes in the network's
    precision what a decoupled decay leaves of the weights, and the optimizer's own values.
    """
    width = vector_width(np.dtype(dtype))
    n_scalars = len(optimizer.scalars)

    def make() -> Callable[..., None]:
        form = optimizer.kernel(flags)
        assert form is not None, optimizer
        scheduled, prepare = inlined(schedule.kernel()), inlined(form.prepare)
        n_options = len(form.reads)

        def rates(given: Any, epochs: Any, scalars: Any, hyper: Any) -> None:
            like = load(hyper)
            start = load_doubles(given, like)
            factor = load_doubles(at(given, width), like)
            period = load_doubles(at(given, 2 * width), like)
            decay = load_doubles(at(given, 3 * width), like)
            weight_decay = load_doubles(at(given, 4 * width), like)
            trained = load_doubles(epochs, like)
            rate = scheduled(start, trained, factor, period) / (trained * decay + 1.0)
            store(hyper, to_precision(1.0 - rate * weight_decay, hyper))
            options = doubles_at(at(given, 5 * width), like, width, n_options)
            own = doubles_at(scalars, like, width, n_scalars)
            values, own = prepare(rate, trained + 1.0, options, own)
            store_rounded(at(hyper, width), width, values)
            store_vectors(scalars, width, own)

        return rates

    return _address(make, "dddn", of=(schedule, optimizer), variant=_used(flags), dtype=dtype)


def update_form(optimizer: Optimizer, flags: Mapping[str, Any], dtype: str, *, partly: bool) -> int:
    """Compile an update: (parameters, gradient, decayed, slots, hyper, vectors).

    `hyper` is what the form of `rates_form` left; slots are `vectors` vectors each. Where weight
    decay works on some parameters alone (`partly`), `decayed` is 1 for these and 0 for the others.
    """
    width = vector_width(np.dtype(dtype))
    n_slots, decouples = len(optimizer.slots(flags)), optimizer.decouples_decay

    def make() -> Callable[..., None]:
        form = optimizer.kernel(flags)
        assert form is not None, optimizer
        one, n_values = inlined(form.update), form.values

        def update(
            parameters: Any, gradient: Any, decayed: Any, slots: Any, hyper: Any, vectors: int
        ) -> None:
            size = vectors * width
            shrink = load(hyper)
            values = vectors_at(at(hyper, width), width, n_values)
            for i in range(0, size, width):
                p = load(at(parameters, i))
                if decouples and partly:
                    p = choose(load(at(decayed, i)) == 0.0, p, p * shrink)
                elif decouples:
                    p = p * shrink
                own = vectors_at(at(slots, i), size, n_slots)
                p, own = one(p, load(at(gradient, i)), own, values)
                store_vectors(at(slots, i), size, own)
                store(at(parameters, i), p)

        return update

    variant = _used(flags) + "+partly" * (partly and decouples)
    return _address(make, "nnnnnw", of=(optimizer,), variant=variant, dtype=dtype)


def _used(flags: Mapping[str, Any]) -> str:
    values = sorted(flags.items())
    return "+".join(n if v is True else f"{n}={v}" for n, v in values if v) or "plain"
