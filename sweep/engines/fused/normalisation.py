"""Normalises the pre-activations of a layer over the samples of a batch, and carries slopes back.

Sums over samples are taken one by one, ascending, whatever the layout: a lane alone turns its
columns so that units lie side by side.
"""

from typing import Any

from sweep.engines.fused.network import padded
from sweep.engines.fused.samples import turn
from sweep.kernel.compilation import compiled
from sweep.kernel.pointers import vectors_at
from sweep.kernel.vectors import at, fma, load, load_repeated, repeated, store


@compiled
def _sum_products(
    a: Any, b: Any, out: Any, rows: Any, columns: int, samples: int, units: int, width: int
) -> None:
    """Packed: sum over columns of a times b, for each unit."""
    for i in range(units):
        store(at(out, i * width), repeated(0.0, load(a)))
    for c in range(columns):
        for i in range(units):
            here, k = at(out, i * width), (c * units + i) * width
            store(here, fma(load(at(a, k)), load(at(b, k)), load(here)))


@compiled
def _sum_products_alone(
    a: Any, b: Any, out: Any, rows: Any, columns: int, samples: int, units: int, width: int
) -> None:
    """Alone: likewise over samples."""
    other = at(rows, width * width)
    for i in range(0, units, width):
        total = repeated(0.0, load(a))
        for c in range(columns):
            k = (c * units + i) * width
            turn(rows, width, 1, at(a, k), width, width, width, width)
            turn(other, width, 1, at(b, k), width, width, width, width)
            for s in range(min(width, samples - c * width)):
                total = fma(load(at(rows, s * width)), load(at(other, s * width)), total)
        store(at(out, i), total)


@compiled
def sum_products(
    a: Any,
    b: Any,
    out: Any,
    rows: Any,
    columns: int,
    samples: int,
    units: int,
    alone: bool,
    width: int,
) -> None:
    """Write the sum over samples of a times b for each unit, as parameters lie.

    Args:
        a: columns by units.
        b: likewise.
        out: takes padded units alone, else a vector a unit.
        rows: alone: scratch, two blocks of width by width.
        columns: how many.
        samples: in them.
        units: of the layer.
        alone: the layout.
        width: numbers a vector.
    """
    if alone:
        _sum_products_alone(a, b, out, rows, columns, samples, units, width)
    else:
        _sum_products(a, b, out, rows, columns, samples, units, width)


@compiled(forceinline=True)
def of_unit(numbers: Any, i: int, alone: bool, width: int) -> Any:
    """Return the vector of a unit's number."""
    return load_repeated(at(numbers, i)) if alone else load(at(numbers, i * width))


@compiled
def _fill(out: Any, number: float, count: int, width: int) -> None:
    for i in range(0, count * width, width):
        store(at(out, i), repeated(number, load(out)))


@compiled
def find_means(
    a: Any,
    b: Any,
    out: Any,
    rows: Any,
    columns: int,
    samples: int,
    units: int,
    alone: bool,
    width: int,
) -> None:
    """Write the means over samples of a times b, as `sum_products` its sums."""
    sum_products(a, b, out, rows, columns, samples, units, alone, width)
    for i in range(0, padded(units if alone else units * width, width), width):
        store(at(out, i), load(at(out, i)) / float(samples))


@compiled
def _follow(running: Any, found: Any, factor: float, options: Any, count: int, stride: int) -> None:
    """Move running statistics towards those of a batch, by each lane's momentum."""
    for i in range(count):
        momentum, kept = 1.0 * options[i % stride], 1.0 * running[i]
        running[i] = kept + momentum * (found[i] * factor - kept)


@compiled
def _copy(out: Any, numbers: Any, count: int) -> None:
    for i in range(count):
        out[i] = numbers[i]


def forward_form(factor: Any, width: int, n_options: int) -> Any:
    """Return the forward form around what gives a unit's factor, of variance and options."""

    def normalise(
        pre: Any,
        inner: Any,
        scale: Any,
        running: Any,
        statistics: Any,
        options: Any,
        rows: Any,
        columns: int,
        samples: int,
        units: int,
        alone: bool,
        training: bool,
    ) -> None:
        stride = 1 if alone else width
        count = units * stride
        mean, inverse = statistics, at(statistics, (units + width) * width)
        spread, shift = at(running, count), at(scale, count)
        if training:
            _fill(inner, 1.0, columns * units, width)
            find_means(pre, inner, mean, rows, columns, samples, units, alone, width)
            _follow(running, mean, 1.0, options, count, stride)
        else:
            _copy(mean, running, count)
        for c in range(columns):
            for i in range(units):
                k = (c * units + i) * width
                store(at(inner, k), load(at(pre, k)) - of_unit(mean, i, alone, width))
        if training:
            find_means(inner, inner, inverse, rows, columns, samples, units, alone, width)
            _follow(spread, inverse, samples / (samples - 1.0), options, count, stride)
        else:
            _copy(inverse, spread, count)
        given = vectors_at(options, width, n_options)
        for i in range(0, count, width):
            store(at(inverse, i), factor(load(at(inverse, i)), given))
        for c in range(columns):
            for i in range(units):
                k = (c * units + i) * width
                normal = load(at(inner, k)) * of_unit(inverse, i, alone, width)
                store(at(inner, k), normal)
                a, b = of_unit(scale, i, alone, width), of_unit(shift, i, alone, width)
                store(at(pre, k), fma(normal, a, b))

    return normalise


def backward_form(width: int) -> Any:
    """Return the way back from the slopes of what a layer normalised gives."""

    def normalise_back(
        slopes: Any,
        inner: Any,
        scale: Any,
        gradient: Any,
        statistics: Any,
        ones: Any,
        rows: Any,
        columns: int,
        samples: int,
        units: int,
        alone: bool,
        training: bool,
    ) -> None:
        stride, room = (1 if alone else width), (units + width) * width
        inverse = at(statistics, room)
        sums, products = at(statistics, 2 * room), at(statistics, 3 * room)
        _fill(ones, 1.0, columns * units, width)
        sum_products(slopes, ones, sums, rows, columns, samples, units, alone, width)
        sum_products(slopes, inner, products, rows, columns, samples, units, alone, width)
        for i in range(units * stride):
            gradient[i] += products[i]
            gradient[units * stride + i] += sums[i]
        share = 1.0 / samples if training else 0.0
        for c in range(columns):
            for i in range(units):
                k = (c * units + i) * width
                common = of_unit(sums, i, alone, width) * share
                slanted = of_unit(products, i, alone, width) * share
                rest = load(at(slopes, k)) - common - load(at(inner, k)) * slanted
                whole = of_unit(scale, i, alone, width) * of_unit(inverse, i, alone, width)
                store(at(slopes, k), whole * rest)

    return normalise_back
