"""The forward and backward pass of columns of samples, up to the gradients of pre-activations."""

from typing import Any

import numpy as np

from sweep.engines.fused.hyperparameters import CODE_PENALTY, FLAT_SPOT, OPTIONS
from sweep.engines.fused.network import (
    Memory,
    Network,
    Tile,
    by_columns,
    padded,
    place,
    statistics_of,
)
from sweep.engines.fused.samples import dropout_of, sample_at, turn
from sweep.kernel.compilation import compiled
from sweep.kernel.matmul import (
    Along,
    Matrix,
    product,
    product_of_numbers,
    product_with_numbers,
)
from sweep.kernel.pointers import call
from sweep.kernel.vectors import at, choose, load, magnitude, repeated, store, to_double


@compiled
def inputs_of(net: Network, m: Memory, tile: Tile, layer: int, column: int) -> Matrix:
    """Return what a layer of weights is given, from a column on, as a table of (column, unit)."""
    if layer > 0:
        return by_columns(m.values, net, m, layer, column)
    if tile.numbers:
        return Matrix(at(tile.inputs, column * net.features), net.features, 1)
    row = net.features * net.width
    return Matrix(at(tile.inputs, column * row), row, net.width)


@compiled(glue=True)
def forward(net: Network, m: Memory, tile: Tile, column: int, stop: int) -> None:
    """Compute pre-activations, derivatives and activations of some columns."""
    count = stop - column
    for layer in range(net.depth):
        left, above = inputs_of(net, m, tile, layer, column), layer + 1
        numbers = layer == 0 and tile.numbers
        for gate in range(1 + (m.gates[layer] >= 0)):
            out = by_columns(m.doors if gate else m.slopes, net, m, above, column)
            _weigh(net, m, layer, out, left, numbers, gate, count)
        if m.scales[layer] >= 0:
            _normalise(net, m, tile, layer, column, count)
        _activate(net, m, above, column, count)
        if above == net.depth:
            return
        if net.join != 0:
            around = left.start
            inner, gates = _sides(net, m, above, column)
            values = place(m.values, net, m, above, column)
            call(net.join, (values, inner, gates, around, count, m.widths[above], m.widths[layer]))
        if net.hidden_dropout and tile.training:
            _drop(net, m, tile, above, column, stop)
        if net.alone and tile.back:
            _turn_values(net, m, above, column, stop)


@compiled(glue=True)
def _weigh(
    net: Network,
    m: Memory,
    layer: int,
    out: Matrix,
    left: Matrix,
    numbers: bool,
    gate: int,
    count: int,
) -> None:
    """Multiply what a layer is given with its weights, or its gate's, and add the biases."""
    fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
    first, across, along = m.weights[layer], m.across[layer], m.along[layer]
    bias = m.biases[layer]
    if gate:
        first, across, along, bias = m.gates[layer], fan_in, 1, m.gate_biases[layer]
    start, step = m.zero, 0
    if bias >= 0:
        start, step = at(m.parameters, bias * net.stride), net.stride
    weights = at(m.parameters, first * net.stride)
    right = Matrix(weights, across * net.stride, along * net.stride)
    biases, whole = Matrix(start, 0, step), Along(fan_in, fan_in, 0)
    if net.alone:
        product_with_numbers(out, biases, left, right, count, fan_out, whole)
    elif numbers:
        product_of_numbers(out, biases, left, right, count, fan_out, whole)
    else:
        product(out, biases, left, right, count, fan_out, whole)


@compiled
def _sides(net: Network, m: Memory, layer: int, column: int) -> Any:
    """Return where a layer keeps its activations before the skip, and its gates."""
    return place(m.inner, net, m, layer, column), place(m.doors, net, m, layer, column)


@compiled
def _normalise(net: Network, m: Memory, tile: Tile, layer: int, column: int, count: int) -> None:
    above = layer + 1
    units, samples = m.widths[above], tile.samples
    pre, normal = place(m.slopes, net, m, above, column), place(m.normal, net, m, above, column)
    scale = at(m.parameters, m.scales[layer] * net.stride)
    running = at(m.buffers, m.means[layer] * net.stride)
    statistics = statistics_of(net, m, above)
    options = at(m.hyper, net.norm_options * net.width)
    rows, alone, training = m.rows, int(net.alone), int(tile.training)
    arrays = (pre, normal, scale, running, statistics, options, rows)
    call(net.normalise, (*arrays, count, samples, units, alone, training))


@compiled
def _activate(net: Network, m: Memory, layer: int, column: int, count: int) -> None:
    last = layer == net.depth
    row = net.output_options if last else OPTIONS
    arguments = (
        place(m.slopes, net, m, layer, column),
        place(m.values, net, m, layer, column),
        count,
        m.widths[layer],
        at(m.hyper, row * net.width),
        at(m.hyper, FLAT_SPOT * net.width),
    )
    call(net.output if last else net.hidden, arguments)


@compiled
def _drop(net: Network, m: Memory, tile: Tile, layer: int, column: int, stop: int) -> None:
    """Draw the factors of a layer's dropout, and multiply its values with them."""
    units = m.widths[layer]
    masks, values = place(m.masks, net, m, layer, 0), place(m.values, net, m, layer, 0)
    one = repeated(1.0, load(m.zero))
    for i in range(column * units * net.width, stop * units * net.width, net.width):
        store(at(masks, i), one)
    for c in range(column, stop):
        for e in range(net.width):
            sample, lane = (c * net.width + e, 0) if net.alone else (c, e)
            if sample < tile.samples:
                first = sample_at(net, m, tile, lane, sample) * units
                rate, kept = dropout_of(net, m, 1, lane)
                seed, epoch = m.seeds[lane], int(m.epochs[lane])
                mask = at(masks, c * units * net.width + e)
                key = (rate, kept, seed, epoch, layer)
                call(net.drop, (mask, net.width, *key, first, units, m.scratch))
    for i in range(column * units * net.width, stop * units * net.width, net.width):
        store(at(values, i), load(at(values, i)) * load(at(masks, i)))


@compiled
def _turn_values(net: Network, m: Memory, layer: int, column: int, stop: int) -> None:
    """Alone: write a layer's values as rows of units, each followed by a 1 if there is room."""
    units, width = m.widths[layer], net.width
    row = padded(units, width)
    for c in range(column, stop):
        out = at(m.turned, m.turns[layer] + c * width * row)
        values = place(m.values, net, m, layer, c)
        turn(out, row, 1, values, width, width, units, width)
        if units < row:
            for s in range(width):
                out[s * row + units] = 1.0


@compiled
def compare_outputs(
    net: Network, m: Memory, tile: Tile, column: int, stop: int, form: int, scale: float, want: bool
) -> None:
    """Compare outputs with targets: column sums of the loss, and the gradient of the last layer."""
    start, count = column * net.width, stop - column
    outputs = place(m.values, net, m, net.depth, column)
    targets = at(tile.targets, start * net.outputs)
    if want:
        find_errors(net, outputs, targets, at(m.worst, start), at(m.leads, start), count)
    slopes, sums = place(m.slopes, net, m, net.depth, column), at(m.sums, start)
    call(form, (outputs, targets, slopes, sums, count, net.outputs, scale))


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
    features, width = net.outputs, net.width
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
def backward(net: Network, m: Memory, tile: Tile, column: int, stop: int, batch: int) -> None:
    """Carry the gradient of the outputs back to the pre-activations of every layer."""
    count = stop - column
    for layer in range(net.depth - 1, 0, -1):
        units, above = m.widths[layer], m.widths[layer + 1]
        mine, other = (m.back, m.over) if layer & 1 else (m.over, m.back)
        room = column * net.most * net.width
        back, over = at(mine, room), at(other, room)
        for gate in range(1 + (m.gates[layer] >= 0)):
            if gate:
                _add_columns(back, over, count, units, above, net.width)
            left = by_columns(m.doors if gate else m.slopes, net, m, layer + 1, column)
            out = Matrix(over if gate else back, units * net.width, net.width)
            _weigh_back(net, m, layer, out, left, gate, count)
            if gate:
                _add_columns(back, over, count, units, units, net.width)
        if net.join != 0 and layer + 1 < net.depth and m.gates[layer] < 0:
            _add_columns(back, over, count, units, above, net.width)
        _leave_layer(net, m, tile, layer, back, over, column, count, batch)


@compiled
def _add_columns(out: Any, more: Any, count: int, units: int, given: int, width: int) -> None:
    """Add columns of `given` units to columns of `units`, as far as both go."""
    for c in range(count):
        for i in range(min(units, given)):
            here = at(out, (c * units + i) * width)
            store(here, load(here) + load(at(more, (c * given + i) * width)))


@compiled(glue=True)
def _weigh_back(
    net: Network, m: Memory, layer: int, out: Matrix, left: Matrix, gate: int, count: int
) -> None:
    fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
    start, across, along = m.weights[layer], m.along[layer], m.across[layer]
    if gate:
        start, across, along = m.gates[layer], 1, fan_in
    weights = at(m.parameters, start * net.stride)
    right = Matrix(weights, across * net.stride, along * net.stride)
    whole, first = Along(fan_out, fan_out, 0), Matrix(m.zero, 0, 0)
    if net.alone:
        product_with_numbers(out, first, left, right, count, fan_in, whole)
    else:
        product(out, first, left, right, count, fan_in, whole)


@compiled
def _leave_layer(
    net: Network,
    m: Memory,
    tile: Tile,
    layer: int,
    back: Any,
    spare: Any,
    column: int,
    count: int,
    batch: int,
) -> None:
    """Turn the gradient of a layer's activations, in `back`, into that of its pre-activations."""
    units, below = m.widths[layer], m.widths[layer - 1]
    if layer == net.code:
        _penalise(net, m, layer, back, column, count, batch)
    if net.hidden_dropout and tile.training:
        _multiply(back, place(m.masks, net, m, layer, column), count * units, net.width)
    slopes = place(m.slopes, net, m, layer, column)
    if net.join != 0:
        inner, gates = _sides(net, m, layer, column)
        around = inputs_of(net, m, tile, layer - 1, column).start
        call(net.join_back, (slopes, back, inner, gates, around, count, units, below))
    else:
        _multiply(slopes, back, count * units, net.width)
    if m.scales[layer - 1] >= 0:
        scale, normal = m.scales[layer - 1] * net.stride, place(m.normal, net, m, layer, column)
        statistics = statistics_of(net, m, layer)
        weights, gradient = at(m.parameters, scale), at(m.gradient, scale)
        arrays = (slopes, normal, weights, gradient, statistics, spare, m.rows)
        samples, alone, training = tile.samples, int(net.alone), int(tile.training)
        call(net.normalise_back, (*arrays, count, samples, units, alone, training))


@compiled
def _penalise(
    net: Network, m: Memory, layer: int, back: Any, column: int, count: int, batch: int
) -> None:
    """Add the gradient of the code penalty, where a lane has one."""
    weight = load(at(m.hyper, CODE_PENALTY * net.width))
    share, zero = weight / float(batch), repeated(0.0, weight)
    values = place(m.values, net, m, layer, column)
    for i in range(0, count * m.widths[layer] * net.width, net.width):
        code, slope = load(at(values, i)), load(at(back, i))
        sign = choose(code > 0.0, share, choose(code < 0.0, -share, zero))
        store(at(back, i), choose(weight == 0.0, slope, slope + sign))


@compiled
def _multiply(out: Any, factors: Any, count: int, width: int) -> None:
    for i in range(0, count * width, width):
        store(at(out, i), load(at(out, i)) * load(at(factors, i)))
