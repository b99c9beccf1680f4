"""Sums the gradients of weights and biases over samples, ascending, whatever the layout."""

from typing import Any

from sweep.engines.fused.forward_backward import inputs_of
from sweep.engines.fused.network import Memory, Network, Tile, by_columns, columns_of, padded, place
from sweep.engines.fused.teams import Team, share
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
def add_gradients(net: Network, m: Memory, tile: Tile, team: Team, fresh: bool) -> None:
    """Add a tile's samples to the gradient of every layer; to 0 if it is `fresh`."""
    for layer in range(net.depth):
        above = layer + 1
        slopes, place_of = by_columns(m.slopes, net, m, above, 0), m.gradients[layer]
        _add(net, m, tile, team, layer, slopes, place_of, m.pads[layer], m.biases[layer], fresh)
        if m.gates[layer] >= 0:
            doors, bias = by_columns(m.doors, net, m, above, 0), m.gate_biases[layer]
            _add(net, m, tile, team, layer, doors, m.gates[layer], m.gate_pads[layer], bias, fresh)


@compiled
def _add(
    net: Network,
    m: Memory,
    tile: Tile,
    team: Team,
    layer: int,
    slopes: Matrix,
    weights: int,
    pad: int,
    bias: int,
    fresh: bool,
) -> None:
    if net.alone:
        _add_alone(net, m, tile, team, layer, slopes, pad, fresh)
        return
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
        product(out, out, deltas, Matrix(values.start, width, values.across), fan_out, fan_in, whole)
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
    team: Team,
    layer: int,
    slopes: Matrix,
    pad: int,
    fresh: bool,
) -> None:
    """Sum over samples one by one, ascending as in a packed block, with weights side by side.

    The bias is the weight of an input of 1, to which a fused multiply-add adds exactly.
    """
    fan_in, fan_out, width = m.widths[layer], m.widths[layer + 1], net.width
    row = padded(fan_in + 1, width)
    first, stop = share(team, fan_out)
    out = Matrix(at(m.spread, pad + first * row), row, width)
    start = Matrix(m.zero, 0, 0) if fresh else out
    turned = at(m.turned, m.turns[layer]) if layer > 0 else tile.turned
    deltas = Matrix(at(slopes.start, first * width), width, 1)
    along = Along(tile.samples, width, fan_out * width)
    right = Matrix(turned, width, row)
    product_of_numbers(out, start, deltas, right, stop - first, row // width, along)


@compiled(glue=True)
def settle_gradient(net: Network, m: Memory, team: Team) -> None:
    """Bring every gradient to the place of its parameter, a member of the team its own rows."""
    if not net.alone:
        return
    for layer in range(net.depth):
        weights = m.gradients[layer]
        _gather(net, m, team, layer, weights, m.pads[layer], m.biases[layer])
        if m.gates[layer] >= 0:
            _gather(net, m, team, layer, m.gates[layer], m.gate_pads[layer], m.gate_biases[layer])


@compiled
def _gather(
    net: Network, m: Memory, team: Team, layer: int, weights: int, pad: int, bias: int
) -> None:
    """Alone: write a spread gradient in the layout of the parameters."""
    fan_in, fan_out = m.widths[layer], m.widths[layer + 1]
    row = padded(fan_in + 1, net.width)
    first, stop = share(team, fan_out)
    for o in range(first, stop):
        line, out = at(m.spread, pad + o * row), at(m.gradient, weights + o * fan_in)
        for i in range(fan_in):
            out[i] = line[i]
        if bias >= 0:
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
def write_hidden(net: Network, m: Memory, tile: Tile, layer: int, out: Any) -> None:
    """Alone: write a tile's activations of `layer`, from 1, as rows of samples by units."""
    units, width = m.widths[layer], net.width
    for s in range(tile.samples):
        values = place(m.values, net, m, layer, s // width)
        for i in range(units):
            out[(tile.first + s) * units + i] = values[i * width + s % width]
