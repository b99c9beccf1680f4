"""Normalises the pre-activations of a layer over the samples of a batch, and carries slopes back.

Sums over samples are taken one by one, ascending, whatever the layout: a lane alone turns its
columns so that units lie side by side.
"""

from typing import Any

from sweep.engines.fused.network import padded
from sweep.engines.fused.samples import turn
from sweep.kernel.compilation import compiled
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


def forms(factor: Any, width: int, n_options: int) -> tuple[Any, Any]:
    """Return the forward and the backward form around what gives a unit's factor."""
    from sweep.kernel.pointers import vectors_at

    @compiled
    def find_statistics(
        pre: Any,
        inner: Any,
        running: Any,
        mean: Any,
        inverse: Any,
        options: Any,
        rows: Any,
        columns: int,
        samples: int,
        units: int,
        alone: bool,
    ) -> None:
        """Find mean and variance of a batch, and let the running ones follow."""
        stride = 1 if alone else width
        size, one = padded(units * stride, width), repeated(1.0, load(pre))
        for i in range(columns * units):
            store(at(inner, i * width), one)
        sum_products(pre, inner, mean, rows, columns, samples, units, alone, width)
        for i in range(0, size, width):
            store(at(mean, i), load(at(mean, i)) / float(samples))
        for c in range(columns):
            for i in range(units):
                k = (c * units + i) * width
                store(at(inner, k), load(at(pre, k)) - of_unit(mean, i, alone, width))
        sum_products(inner, inner, inverse, rows, columns, samples, units, alone, width)
        for i in range(0, size, width):
            store(at(inverse, i), load(at(inverse, i)) / float(samples))
        unbiased = samples / (samples - 1.0)
        for i in range(units * stride):
            momentum = 1.0 * options[i % stride]
            kept, spread = 1.0 * running[i], 1.0 * running[units * stride + i]
            running[i] = kept + momentum * (mean[i] - kept)
            running[units * stride + i] = spread + momentum * (inverse[i] * unbiased - spread)

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
        mean, inverse = statistics, at(statistics, (units + width) * width)
        if training:
            find_statistics(
                pre, inner, running, mean, inverse, options, rows, columns, samples, units, alone
            )
        else:
            for i in range(units * stride):
                mean[i], inverse[i] = running[i], running[units * stride + i]
            for c in range(columns):
                for i in range(units):
                    k = (c * units + i) * width
                    store(at(inner, k), load(at(pre, k)) - of_unit(mean, i, alone, width))
        given = vectors_at(options, width, n_options)
        for i in range(0, units * stride, width):
            store(at(inverse, i), factor(load(at(inverse, i)), given))
        shift = at(scale, units * stride)
        for c in range(columns):
            for i in range(units):
                k = (c * units + i) * width
                normal = load(at(inner, k)) * of_unit(inverse, i, alone, width)
                store(at(inner, k), normal)
                a, b = of_unit(scale, i, alone, width), of_unit(shift, i, alone, width)
                store(at(pre, k), fma(normal, a, b))

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
        one = repeated(1.0, load(slopes))
        for i in range(columns * units):
            store(at(ones, i * width), one)
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

    return normalise, normalise_back
