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
from sweep.components.noise import Draws, Noise
from sweep.components.normalisation import Normalisation
from sweep.components.optimizers import Optimizer
from sweep.components.schedules import Schedule
from sweep.components.skips import Skip
from sweep.components.spec import Component
from sweep.engines.fused import normalisation
from sweep.kernel.compilation import compiled, inlined
from sweep.kernel.pointers import (
    Pointed,
    doubles_at,
    number_reader,
    store_rounded,
    store_vectors,
    vectors_at,
)
from sweep.kernel.randomness import masks, normal, permutation, uniform
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
from sweep.nets.randomness import Purpose, high_word

DROPOUT = int(Purpose.DROPOUT)
NOTHING = 0
"""The address of no function."""
WORD, DOUBLE = types.int64, types.float64
WORDS, DOUBLES = types.CPointer(WORD), types.CPointer(DOUBLE)
_NUMBERS = {"float32": types.CPointer(types.float32), "float64": DOUBLES}
_OWN = [Path(__file__).with_name(name) for name in ("forms.py", "normalisation.py", "samples.py")]
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
            doubles, i to words, w word, x double.
        of: the components that it is a form of.
        variant: names what else it depends on.
        dtype: of the network.
    """
    names = [f"{type(c).__module__}.{type(c).__qualname__}" for c in of]
    key = (*names, variant, dtype)
    if key not in _kept:
        kinds = {"n": _NUMBERS[dtype], "d": DOUBLES, "i": WORDS, "w": WORD, "x": DOUBLE}
        tag = "-".join(key).removeprefix("sweep.components.")
        sources = [*_OWN, *(source for component in of for source in _sources(component))]
        made = Pointed(make(), [kinds[k] for k in arguments], tag=tag, sources=sources)
        _kept[key] = made
    return _kept[key].address


def _sources(component: Component) -> tuple[Path, ...]:
    """Return the files that a component's forms depend on: its family's or its own."""
    own = Path(inspect.getfile(type(component)))
    family = type(component).__module__.startswith("sweep.components.")
    return tuple(sorted(own.parent.glob("*.py")) if family else [own])


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
    """Compile what changes by update: (given, epochs, updates, scalars, hyper), rows of lanes.

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

        def rates(given: Any, epochs: Any, updates: Any, scalars: Any, hyper: Any) -> None:
            like = load(hyper)
            start = load_doubles(given, like)
            factor = load_doubles(at(given, width), like)
            period = load_doubles(at(given, 2 * width), like)
            decay = load_doubles(at(given, 3 * width), like)
            weight_decay = load_doubles(at(given, 4 * width), like)
            made = load_doubles(updates, like)
            trained = load_doubles(epochs, like)
            rate = scheduled(start, trained, factor, period) / (made * decay + 1.0)
            store(hyper, to_precision(1.0 - rate * weight_decay, hyper))
            options = doubles_at(at(given, 5 * width), like, width, n_options)
            own = doubles_at(scalars, like, width, n_scalars)
            values, own = prepare(rate, made + 1.0, options, own)
            store_rounded(at(hyper, width), width, values)
            store_vectors(scalars, width, own)

        return rates

    return _address(make, "ddddn", of=(schedule, optimizer), variant=_used(flags), dtype=dtype)


def update_form(optimizer: Optimizer, flags: Mapping[str, Any], dtype: str, *, partly: bool) -> int:
    """Compile an update: (parameters, gradient, decayed, slots, hyper, vectors, apart).

    `hyper` is what the form of `rates_form` left; slots are `apart` vectors apart. Where weight
    decay works on some parameters alone (`partly`), `decayed` is 1 for these and 0 for the others.
    """
    width = vector_width(np.dtype(dtype))
    n_slots, decouples = len(optimizer.slots(flags)), optimizer.decouples_decay

    def make() -> Callable[..., None]:
        form = optimizer.kernel(flags)
        assert form is not None, optimizer
        one, n_values = inlined(form.update), form.values

        def update(
            parameters: Any,
            gradient: Any,
            decayed: Any,
            slots: Any,
            hyper: Any,
            vectors: int,
            apart: int,
        ) -> None:
            size = apart * width
            shrink = load(hyper)
            values = vectors_at(at(hyper, width), width, n_values)
            for i in range(0, vectors * width, width):
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
    return _address(make, "nnnnnww", of=(optimizer,), variant=variant, dtype=dtype)


def noise_form(noise: Noise, dtype: str) -> int:
    """Compile what corrupts a sample: (row, options, seed, epoch, first, count, total, scratch).

    `row` holds `count` inputs, elements `first` and on of `total` in the data; options are a
    vector's doubles apart; `scratch` takes what is drawn.
    """
    width, n_options = vector_width(np.dtype(dtype)), len(noise.options)
    draws_normal, high = noise.draws is Draws.NORMAL, high_word(Purpose.NOISE)

    def make() -> Callable[..., None]:
        kernel = noise.kernel()
        assert kernel is not None, noise
        corrupt = inlined(kernel)
        read = number_reader(n_options)

        def corrupted(
            row: Any,
            options: Any,
            seed: int,
            epoch: int,
            first: int,
            count: int,
            total: int,
            scratch: Any,
        ) -> None:
            if draws_normal:
                normal(seed, high, epoch, total, first, count, scratch)
            else:
                uniform(seed, high, epoch, first, count, scratch)
            given = read(options, width)
            for i in range(count):
                row[i] = corrupt(1.0 * row[i], scratch[i], given)

        return corrupted

    return _address(make, "ndwwwwwd", of=(noise,), variant="rows", dtype=dtype)


def order_form(dtype: str) -> int:
    """Compile what draws the order of an epoch: (seed, epoch, samples, order, scratch)."""

    def make() -> Callable[..., None]:
        def order(seed: int, epoch: int, samples: int, out: Any, scratch: Any) -> None:
            permutation(seed, epoch, samples, out, scratch)

        return order

    return _address(make, "wwwii", of=(), variant="order", dtype=dtype)


def dropout_form(dtype: str) -> int:
    """Compile dropout: (values, step, rate, kept, seed, epoch, layer, first, count, scratch).

    Multiplies `count` values, `step` numbers apart, with 0 or `kept`; draws `first` and on.
    """

    def make() -> Callable[..., None]:
        def dropout(
            values: Any,
            step: int,
            rate: float,
            kept: float,
            seed: int,
            epoch: int,
            layer: int,
            first: int,
            count: int,
            scratch: Any,
        ) -> None:
            high = DROPOUT + (layer << 32)
            masks(seed, high, epoch, first, count, rate, kept, scratch)
            for i in range(count):
                values[i * step] = values[i * step] * scratch[i]

        return dropout

    return _address(make, "nwxxwwwwwd", of=(), variant="dropout", dtype=dtype)


def normalisation_forms(component: Normalisation, dtype: str) -> tuple[int, int]:
    """Compile a normalisation and its way back: see `normalisation`."""
    width, n_options = vector_width(np.dtype(dtype)), len(component.options)

    def make_forward() -> Callable[..., None]:
        kernel = component.kernel()
        assert kernel is not None, component
        made: Callable[..., None] = normalisation.forward_form(inlined(kernel), width, n_options)
        return made

    def make_backward() -> Callable[..., None]:
        made: Callable[..., None] = normalisation.backward_form(width)
        return made

    kinds = "nnnnnnnwwwww"
    forward = _address(make_forward, kinds, of=(component,), variant="forward", dtype=dtype)
    backward = _address(make_backward, kinds, of=(), variant="normalise_back", dtype=dtype)
    return forward, backward


def skip_forms(component: Skip, dtype: str) -> tuple[int, int]:
    """Compile a skip and its way back, over columns of units.

    (values, inner, gates, around, columns, units, given), where `around` has `given` units;
    and (slopes, back, inner, gates, around, columns, units, given): `slopes` holds derivatives,
    which are overwritten with gradients of pre-activations, `back` the gradient of what the layer
    gives, and then of what goes around; `gates` then that of their pre-activations.
    """
    width = vector_width(np.dtype(dtype))

    @compiled(forceinline=True)
    def beside(around: Any, column: int, unit: int, given: int) -> Any:
        """Return what is carried around a unit: nothing where there are fewer below."""
        carried = repeated(0.0, load(around))
        if unit < given:
            carried = load(at(around, (column * given + unit) * width))
        return carried

    def function(place: int) -> Any:
        kernel = component.kernel()
        assert kernel is not None, component
        return inlined(kernel[place])

    def make_forward() -> Callable[..., None]:
        one = function(0)

        def join(
            values: Any, inner: Any, gates: Any, around: Any, columns: int, units: int, given: int
        ) -> None:
            for c in range(columns):
                for i in range(units):
                    k = (c * units + i) * width
                    activations = load(at(values, k))
                    store(at(inner, k), activations)
                    carried = beside(around, c, i, given)
                    value, gate = one(activations, carried, load(at(gates, k)))
                    store(at(values, k), value)
                    store(at(gates, k), gate)

        return join

    def make_backward() -> Callable[..., None]:
        one = function(1)

        def join_back(
            slopes: Any,
            back: Any,
            inner: Any,
            gates: Any,
            around: Any,
            columns: int,
            units: int,
            given: int,
        ) -> None:
            for c in range(columns):
                for i in range(units):
                    k = (c * units + i) * width
                    gate, carried = load(at(gates, k)), beside(around, c, i, given)
                    slope, of_gate, rest = one(load(at(back, k)), load(at(inner, k)), carried, gate)
                    store(at(slopes, k), load(at(slopes, k)) * slope)
                    store(at(gates, k), of_gate)
                    store(at(back, k), rest)

        return join_back

    forward = _address(make_forward, "nnnnwww", of=(component,), variant="forward", dtype=dtype)
    backward = _address(make_backward, "nnnnnwww", of=(component,), variant="backward", dtype=dtype)
    return forward, backward


def _used(flags: Mapping[str, Any]) -> str:
    values = sorted(flags.items())
    return "+".join(n if v is True else f"{n}={v}" for n, v in values if v) or "plain"
