"""The forward and backward pass of a multilayer perceptron over vectors.

A *column* is a vector of values that never meet: the same sample in several lanes (a packed block),
or several samples of one lane (a lane alone). The two differ in where a parameter lies (a vector a
parameter, or a number that is repeated) and in how gradients are summed over the samples; every
number is computed by the same operations in the same order, so the bits are the same.
"""

from typing import Any, NamedTuple

import numpy as np

from sweep.engines.fused.hyperparameters import FLAT_SPOT, OPTIONS
from sweep.kernel.compilation import compiled
from sweep.kernel.matmul import (
    Matrix,
    product,
    product_of_numbers,
    product_with_numbers,
)
from sweep.kernel.pointers import call
from sweep.kernel.vectors import at, choose, load, magnitude, repeated, store, to_double


class Network(NamedTuple):
    """The numbers that describe a network, its loss and its data to the kernel.

    Attributes:
        alone: whether vectors run over samples of one lane, not over lanes.
        width: numbers a vector. stride: from one parameter to the next: `width`, or 1 alone.
        depth: layers of weights. features: of the output.
        samples: of the data. columns: the vectors that hold them. tile: columns done at a time.
        biases: whether layers have any.
        hidden, output, loss, rates, update, clip: addresses of the components' forms.
        output_options, update_row: rows of a lane's numbers, as `HyperparameterRows` has them.
        scale: what the sum of all loss terms is multiplied with.
        parameters: of a lane.
    """

    alone: bool
    width: int
    stride: int
    depth: int
    features: int
    samples: int
    columns: int
    tile: int
    biases: bool
    hidden: int
    output: int
    loss: int
    rates: int
    update: int
    clip: int
    output_options: int
    update_row: int
    scale: float
    parameters: int


class Memory(NamedTuple):
    """Pointers to what a pass reads and writes.

    Attributes:
        widths, starts, heights: of the layers: units, first parameter, units of those below.
        pads: where a layer's gradient lies in `spread`.
        inputs: samples as numbers, or columns of them alone. targets: columns.
        turned_inputs: alone: samples as rows of padded length, a 1 after the last feature.
        parameters, gradient, hyper: as their names say.
        decayed: of each parameter, 1 where weight decay works on it, else 0.
        slopes, values: pre-activations, then derivatives, then gradients; and activations.
        turned: alone: the activations of a layer as rows of padded length.
        spread: alone: gradients as rows of padded length.
        zero: a vector of 0.
        sums, worst, leads: float64, one vector a column.
    """

    widths: Any
    starts: Any
    heights: Any
    pads: Any
    inputs: Any
    targets: Any
    turned_inputs: Any
    parameters: Any
    gradient: Any
    decayed: Any
    hyper: Any
    slopes: Any
    values: Any
    turned: Any
    spread: Any
    zero: Any
    sums: Any
    worst: Any
    leads: Any


@compiled(glue=True)
def _layer(start: Any, net: Network, m: Memory, layer: int) -> Any:
    """Return where the units of `layer`, counted from 1, lie in `slopes` or `values`."""
    return at(start, m.heights[layer] * net.tile * net.width)


@compiled(glue=True)
def _by_columns(start: Any, net: Network, m: Memory, layer: int) -> Matrix:
    """Return the units of `layer` as a table of (column, unit)."""
    return Matrix(_layer(start, net, m, layer), m.widths[layer] * net.width, net.width)


@compiled(glue=True)
def _padded(count: int, width: int) -> int:
    return (count + width - 1) // width * width


@compiled
def forward(net: Network, m: Memory, first: int, count: int) -> None:
    """Compute pre-activations, derivatives and activations of `count` columns from `first` on."""
    for layer in range(net.depth):
        fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
        weights = at(m.parameters, m.starts[layer] * net.stride)
        start, along = m.zero, 0
        if net.biases:
            start, along = at(weights, fan_in * fan_out * net.stride), net.stride
        biases = Matrix(start, 0, along)
        right = Matrix(weights, fan_in * net.stride, net.stride)
        out = _by_columns(m.slopes, net, m, layer + 1)
        if layer > 0:
            left = _by_columns(m.values, net, m, layer)
        elif net.alone:
            row = fan_in * net.width
            left = Matrix(at(m.inputs, first * row), row, net.width)
        else:
            left = Matrix(at(m.inputs, first * fan_in), fan_in, 1)
        if net.alone:
            product_with_numbers(out, biases, left, right, count, fan_out, fan_in)
        elif layer == 0:
            product_of_numbers(out, biases, left, right, count, fan_out, fan_in)
        else:
            product(out, biases, left, right, count, fan_out, fan_in)
        _activate(net, m, layer + 1, count)


@compiled(glue=True)
def _activate(net: Network, m: Memory, layer: int, count: int) -> None:
    last = layer == net.depth
    row = net.output_options if last else OPTIONS
    arguments = (
        _layer(m.slopes, net, m, layer),
        _layer(m.values, net, m, layer),
        count,
        m.widths[layer],
        at(m.hyper, row * net.width),
        at(m.hyper, FLAT_SPOT * net.width),
    )
    call(net.output if last else net.hidden, arguments)


@compiled(glue=True)
def compare_outputs(net: Network, m: Memory, first: int, count: int, want_errors: bool) -> None:
    """Compare outputs with targets: column sums of the loss, and the gradient of the last layer."""
    start = first * net.width
    outputs = _layer(m.values, net, m, net.depth)
    targets = at(m.targets, start * net.features)
    if want_errors:
        find_errors(net, outputs, targets, at(m.worst, start), at(m.leads, start), count)
    slopes, sums = _layer(m.slopes, net, m, net.depth), at(m.sums, start)
    call(net.loss, (outputs, targets, slopes, sums, count, net.features, net.scale))


@compiled
def find_errors(
    net: Network, outputs: Any, targets: Any, worst: Any, leads: Any, columns: int
) -> None:
    """Compare outputs with targets, for each column, as float64 vectors.

    Args:
        net: the network.
        outputs: columns by features.
        targets: likewise.
        worst: for the largest |output - target|.
        leads: for the output whose target is 1 less the largest of the others.
        columns: how many.
    """
    features, width = net.features, net.width
    for c in range(columns):
        most = repeated(0.0, load(outputs))
        right, other = repeated(-np.inf, most), repeated(-np.inf, most)
        for i in range(c * features, (c + 1) * features):
            p, t = load(at(outputs, i * width)), load(at(targets, i * width))
            error = magnitude(p - t)
            most = choose(error <= most, most, error)
            right = choose(t == 1.0, p, right)
            other = choose((p > other) & (t != 1.0), p, other)
        store(at(worst, c * width), to_double(most))
        store(at(leads, c * width), to_double(right) - to_double(other))


@compiled(glue=True)
def backward(net: Network, m: Memory, first: int, count: int) -> None:
    """Carry the gradient back through the layers, and add these columns to the parameters'."""
    for layer in range(net.depth - 1, -1, -1):
        _add_gradient(net, m, layer, first, count)
        if layer == 0:
            return
        fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
        weights = at(m.parameters, m.starts[layer] * net.stride)
        right = Matrix(weights, net.stride, fan_in * net.stride)
        left = _by_columns(m.slopes, net, m, layer + 1)
        out = _by_columns(m.values, net, m, layer)
        none = Matrix(m.zero, 0, 0)
        if net.alone:
            product_with_numbers(out, none, left, right, count, fan_in, fan_out)
        else:
            product(out, none, left, right, count, fan_in, fan_out)
        _multiply(net, m, layer, count * fan_in)


@compiled
def _multiply(net: Network, m: Memory, layer: int, count: int) -> None:
    """Multiply the gradient of a layer's activations, left in `values`, with their derivatives."""
    slopes, values = _layer(m.slopes, net, m, layer), _layer(m.values, net, m, layer)
    for i in range(0, count * net.width, net.width):
        store(at(slopes, i), load(at(slopes, i)) * load(at(values, i)))


@compiled(glue=True)
def _add_gradient(net: Network, m: Memory, layer: int, first: int, count: int) -> None:
    if net.alone:
        _add_gradient_alone(net, m, layer, first, count)
        return
    fan_in, fan_out, width = m.widths[layer], m.widths[layer + 1], net.width
    weights = at(m.gradient, m.starts[layer] * width)
    slopes = _layer(m.slopes, net, m, layer + 1)
    deltas = Matrix(slopes, width, fan_out * width)
    if layer > 0:
        out = Matrix(weights, fan_in * width, width)
        values = Matrix(_layer(m.values, net, m, layer), width, fan_in * width)
        product(out, out, deltas, values, fan_out, fan_in, count)
    else:
        out = Matrix(weights, width, fan_in * width)
        inputs = Matrix(at(m.inputs, first * fan_in), 1, fan_in)
        product_of_numbers(out, out, inputs, deltas, fan_in, fan_out, count)
    if not net.biases:
        return
    biases = at(weights, fan_in * fan_out * width)
    for o in range(fan_out):
        total = load(at(biases, o * width))
        for c in range(count):
            total = total + load(at(slopes, (c * fan_out + o) * width))
        store(at(biases, o * width), total)


@compiled(glue=True)
def _add_gradient_alone(net: Network, m: Memory, layer: int, first: int, count: int) -> None:
    """Sum over samples one by one, ascending as in a packed block, with weights side by side.

    The bias is the weight of an input of 1, to which a fused multiply-add adds exactly.
    """
    fan_in, fan_out, width = m.widths[layer], m.widths[layer + 1], net.width
    row = _padded(fan_in + 1, width)
    out = Matrix(at(m.spread, m.pads[layer]), row, width)
    slopes = _layer(m.slopes, net, m, layer + 1)
    for c in range(count):
        start = (first + c) * width
        samples = min(width, net.samples - start)
        if layer > 0:
            values = at(_layer(m.values, net, m, layer), c * fan_in * width)
            _turn(values, m.turned, fan_in, samples, row, width)
            turned = m.turned
        else:
            turned = at(m.turned_inputs, start * row)
        deltas = Matrix(at(slopes, c * fan_out * width), width, 1)
        right = Matrix(turned, width, row)
        product_of_numbers(out, out, deltas, right, fan_out, row // width, samples)


@compiled
def _turn(values: Any, turned: Any, units: int, samples: int, row: int, width: int) -> None:
    """Write a column of units by samples as rows of units, each followed by a 1."""
    for s in range(samples):
        for i in range(units):
            turned[s * row + i] = values[i * width + s]
        turned[s * row + units] = 1.0


@compiled
def write_hidden(net: Network, m: Memory, layer: int, out: Any) -> None:
    """Alone: write the activations of `layer`, counted from 1, as rows of samples by units."""
    units = m.widths[layer]
    values = _layer(m.values, net, m, layer)
    for c in range(net.columns):
        forward(net, m, c, 1)
        for s in range(min(net.width, net.samples - c * net.width)):
            for i in range(units):
                out[(c * net.width + s) * units + i] = values[i * net.width + s]


@compiled
def clear_gradient(net: Network, m: Memory) -> None:
    zero = repeated(0.0, load(m.zero))
    last = net.depth - 1
    if net.alone:
        row = _padded(m.widths[last] + 1, net.width)
        for i in range(0, m.pads[last] + m.widths[last + 1] * row, net.width):
            store(at(m.spread, i), zero)
    else:
        for i in range(0, net.parameters * net.width, net.width):
            store(at(m.gradient, i), zero)


@compiled
def gather_gradient(net: Network, m: Memory) -> None:
    """Alone: write the spread gradient in the layout of the parameters."""
    for layer in range(net.depth):
        fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
        row = _padded(fan_in + 1, net.width)
        weights = at(m.gradient, m.starts[layer])
        for o in range(fan_out):
            line = at(m.spread, m.pads[layer] + o * row)
            for i in range(fan_in):
                weights[o * fan_in + i] = line[i]
            if net.biases:
                weights[fan_in * fan_out + o] = line[fan_in]


@compiled
def find_gradient(net: Network, m: Memory, want_errors: bool) -> None:
    """Compute column sums of the loss and the gradient of the mean over all samples."""
    clear_gradient(net, m)
    for first in range(0, net.columns, net.tile):
        count = min(net.tile, net.columns - first)
        forward(net, m, first, count)
        compare_outputs(net, m, first, count, want_errors)
        backward(net, m, first, count)
    if net.alone:
        gather_gradient(net, m)
