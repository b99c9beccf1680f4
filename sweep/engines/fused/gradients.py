"""Sums the gradients of weights and biases over samples, ascending, whatever the layout."""

from typing import Any

from sweep.engines.fused.forward_backward import inputs_of
from sweep.engines.fused.network import Memory, Network, Tile, by_columns, columns_of, padded, place
from sweep.engines.fused.samples import turn
from sweep.engines.fused.teams import share
from sweep.kernel.compilation import compiled
from sweep.kernel.matmul import Along, Matrix, product, product_of_numbers
from sweep.kernel.vectors import at, load, repeated, store


@compiled
def clear_gradient(net: Network, m: Memory) -> None:
    zero = repeated(0.0, load(m.zero))
    size = padded((net.parameters + net.extra) * net.stride, net.width)
    for i in range(0, size, net.width):
        store(at(m.gradient, i), zero)


@compiled(glue=True)
def add_gradients(net: Network, m: Memory, tile: Tile, rank: int, size: int, fresh: bool) -> None:
    """Add a tile's samples to the gradient of every layer; to 0 if it is `fresh`."""
    for layer in range(net.depth):
        for gate in range(1 + (m.gates[layer] >= 0)):
            slopes = by_columns(m.doors if gate else m.slopes, net, m, layer + 1, 0)
            bias = m.gate_biases[layer] if gate else m.biases[layer]
            if net.alone:
                pad = m.gate_pads[layer] if gate else m.pads[layer]
                _add_alone(net, m, tile, rank, size, layer, slopes, pad, bias, fresh)
            else:
                start = m.gates[layer] if gate else m.gradients[layer]
                _add_packed(net, m, tile, layer, slopes, start, bias)


@compiled(glue=True)
def _add_packed(
    net: Network, m: Memory, tile: Tile, layer: int, slopes: Matrix, weights: int, bias: int
) -> None:
    fan_in, fan_out, width = m.widths[layer], m.widths[layer + 1], net.width
    columns = columns_of(net, tile.samples)
    gradient, whole = at(m.gradient, weights * width), Along(columns, columns, 0)
    values = inputs_of(net, m, tile, layer, 0)
    if layer == 0 and tile.numbers:
        out = Matrix(gradient, width, fan_in * width)
        inputs = Matrix(values.start, 1, fan_in)
        deltas = Matrix(slopes.start, width, fan_out * width)
        product_of_numbers(out, out, inputs, deltas, fan_in, fan_out, whole)
    else:
        out = Matrix(gradient, fan_in * width, width)
        deltas = Matrix(slopes.start, width, fan_out * width)
        product(
            out, out, deltas, Matrix(values.start, width, values.across), fan_out, fan_in, whole
        )
    if bias < 0:
        return
    biases = at(m.gradient, bias * width)
    for o in range(fan_out):
        total = load(at(biases, o * width))
        for c in range(columns):
            total = total + load(at(slopes.start, (c * fan_out + o) * width))
        store(at(biases, o * width), total)


@compiled(glue=True)
def _add_alone(
    net: Network,
    m: Memory,
    tile: Tile,
    rank: int,
    size: int,
    layer: int,
    slopes: Matrix,
    pad: int,
    bias: int,
    fresh: bool,
) -> None:
    """Sum over samples one by one, ascending as in a packed block, with weights side by side.

    The bias is the weight of an input of 1, to which a fused multiply-add adds exactly, where rows
    have room for one.
    """
    fan_in, fan_out, width = m.widths[layer], m.widths[layer + 1], net.width
    row = padded(fan_in, width)
    first, stop = share(rank, size, fan_out)
    out = Matrix(at(m.spread, pad + first * row), row, width)
    start = Matrix(m.zero, 0, 0) if fresh else out
    turned = at(m.turned, m.turns[layer]) if layer > 0 else tile.turned
    deltas = Matrix(at(slopes.start, first * width), width, 1)
    along = Along(tile.samples, width, fan_out * width)
    right = Matrix(turned, width, row)
    product_of_numbers(out, start, deltas, right, stop - first, row // width, along)
    if bias >= 0 and row == fan_in:
        out_biases = at(m.gradient, bias)
        _add_biases(m, slopes.start, out_biases, first, stop, fan_out, tile.samples, width, fresh)


@compiled
def _add_biases(
    m: Memory,
    slopes: Any,
    biases: Any,
    first: int,
    stop: int,
    units: int,
    samples: int,
    width: int,
    fresh: bool,
) -> None:
    """Alone: add the gradients of some units' biases, of samples one by one."""
    total, block = m.rows, at(m.rows, width)
    for o in range(first, stop, width):
        count = min(width, stop - o)
        for i in range(count):
            total[i] = 0.0 if fresh else biases[o + i]
        sums = load(total)
        for c in range((samples + width - 1) // width):
            turn(block, width, 1, at(slopes, (c * units + o) * width), width, width, width, width)
            for s in range(min(width, samples - c * width)):
                sums = sums + load(at(block, s * width))
        store(total, sums)
        for i in range(count):
            biases[o + i] = total[i]


@compiled(glue=True)
def settle_gradient(net: Network, m: Memory, rank: int, size: int) -> None:
    """Alone: write every spread gradient in the layout of the parameters, a thread its rows."""
    if not net.alone:
        return
    for layer in range(net.depth):
        for gate in range(1 + (m.gates[layer] >= 0)):
            weights = m.gates[layer] if gate else m.gradients[layer]
            pad = m.gate_pads[layer] if gate else m.pads[layer]
            bias = m.gate_biases[layer] if gate else m.biases[layer]
            fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
            row = padded(fan_in, net.width)
            first, stop = share(rank, size, fan_out)
            for o in range(first, stop):
                line, out = at(m.spread, pad + o * row), at(m.gradient, weights + o * fan_in)
                for i in range(fan_in):
                    out[i] = line[i]
                if bias >= 0 and fan_in < row:
                    m.gradient[bias + o] = line[fan_in]


@compiled
def join_tied(net: Network, m: Memory) -> None:
    """Add the gradients of layers whose weights are their mirrors' to those of the mirrors."""
    step = net.stride
    for layer in range(net.depth):
        if m.mirrors[layer] < 0:
            continue
        fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
        for i in range(fan_in):
            for o in range(fan_out):
                own = at(m.gradient, (m.gradients[layer] + o * fan_in + i) * step)
                shared = at(m.gradient, (m.mirrors[layer] + i * fan_out + o) * step)
                if net.alone:
                    shared[0] = shared[0] + own[0]
                else:
                    store(shared, load(shared) + load(own))


@compiled
def write_hidden(net: Network, m: Memory, first: int, samples: int, layer: int, out: Any) -> None:
    """Alone: write a tile's activations of `layer`, from 1, as rows of samples by units."""
    units, width = m.widths[layer], net.width
    for s in range(samples):
        values = place(m.values, net, m, layer, s // width)
        for i in range(units):
            out[(first + s) * units + i] = values[i * width + s % width]
