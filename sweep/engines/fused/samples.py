"""Brings samples into a tile: in the order of the epoch, corrupted in training, as columns."""

from typing import Any

from sweep.engines.fused.network import Memory, Network, Tile, columns_of, padded
from sweep.kernel.compilation import compiled
from sweep.kernel.pointers import call
from sweep.kernel.vectors import at, store_turned


@compiled
def turn(
    out: Any,
    out_stride: int,
    out_step: int,
    source: Any,
    stride: int,
    step: int,
    count: int,
    width: int,
) -> None:
    """Transpose a table of `width` rows by `count` columns, or the other way round.

    A whole block is read and written at the end too, beyond `count`.

    Args:
        out: the transposed table.
        out_stride: numbers from one vector of a block to the next.
        out_step: numbers from an element of `count` to the next.
        source: the table.
        stride: as `out_stride`.
        step: as `out_step`.
        count: how many columns.
        width: numbers a vector.
    """
    for i in range(0, count, width):
        store_turned(at(out, i * out_step), out_stride, at(source, i * step), stride)


@compiled
def take_order(net: Network, m: Memory, lanes: int) -> None:
    """Draw the order of each lane's samples in its epoch."""
    for j in range(lanes):
        epoch = int(m.epochs[j])
        call(net.order, (m.seeds[j], epoch, net.samples, at(m.orders, j * net.samples), m.sorting))


@compiled
def sample_at(net: Network, m: Memory, tile: Tile, lane: int, sample: int) -> int:
    """Return which of the data the `sample`-th of a tile is."""
    if tile.training and net.shuffled:
        chosen: int = m.orders[lane * net.samples + tile.first + sample]
        return chosen
    return tile.first + sample


@compiled
def load_tile(
    net: Network, m: Memory, tile: Tile, column: int, stop: int, inputs: Any, targets: Any
) -> None:
    """Write columns `column` to `stop` of a tile, from tables of samples by features."""
    drawn = tile.training and (net.corrupt != 0 or net.input_dropout)
    for c in range(column, stop):
        rows = at(m.turned_inputs, c * net.width * net.row) if net.alone else m.rows
        for e in range(net.width):
            sample, lane = (c * net.width + e, 0) if net.alone else (c, e)
            if sample < tile.samples:
                number = sample_at(net, m, tile, lane, sample)
                row, source = at(rows, e * net.row), at(inputs, number * net.features)
                for i in range(net.features):
                    row[i] = source[i]
                if net.features < net.row:
                    row[net.features] = 1.0
                if drawn:
                    _corrupt(net, m, row, lane, number)
        out = at(m.inputs, c * net.features * net.width)
        turn(out, net.width, net.width, rows, net.row, 1, net.features, net.width)
        if not net.same or drawn:
            _load_targets(net, m, tile, c, targets)


@compiled
def dropout_of(net: Network, m: Memory, which: int, lane: int) -> Any:
    """Return a lane's rate and the factor of what is kept: of the inputs, or the hidden layers."""
    row = at(m.given, (net.dropout_row + 2 * which) * net.width + lane)
    return row[0], row[net.width]


@compiled
def _corrupt(net: Network, m: Memory, row: Any, lane: int, sample: int) -> None:
    seed, epoch, first = m.seeds[lane], int(m.epochs[lane]), sample * net.features
    if net.corrupt != 0:
        options = at(m.given, net.noise_row * net.width + lane)
        total = net.samples * net.features
        features, scratch = net.features, m.scratch
        call(net.corrupt, (row, options, seed, epoch, first, features, total, scratch))
    if net.input_dropout:
        rate, kept = dropout_of(net, m, 0, lane)
        call(net.drop, (row, 1, rate, kept, seed, epoch, 0, first, net.features, m.scratch))


@compiled
def _load_targets(net: Network, m: Memory, tile: Tile, c: int, targets: Any) -> None:
    row = padded(net.outputs, net.width)
    for e in range(net.width):
        sample, lane = (c * net.width + e, 0) if net.alone else (c, e)
        if sample < tile.samples:
            number = sample_at(net, m, tile, lane, sample)
            for i in range(net.outputs):
                m.rows[e * row + i] = targets[number * net.outputs + i]
    out = at(m.targets, c * net.outputs * net.width)
    turn(out, net.width, net.width, m.rows, row, 1, net.outputs, net.width)


@compiled
def tile_of(
    net: Network, m: Memory, first: int, samples: int, training: bool, back: bool, held: bool
) -> Tile:
    """Return the tile of `samples` samples from `first` on; `load_tile` fills it if need be."""
    inputs, turned, targets, numbers = m.inputs, m.turned_inputs, m.targets, False
    drawn = training and (net.corrupt != 0 or net.input_dropout)
    if net.resident and not held:
        column = columns_of(net, first)
        size = 1 if net.numbers else net.width
        inputs = at(m.kept_inputs, column * net.features * size)
        turned = at(m.kept_turned, first * net.row)
        targets = at(m.kept_targets, column * net.outputs * net.width)
        numbers = net.numbers
    elif net.same and not drawn:
        targets = m.inputs
    return Tile(inputs, turned, targets, numbers, first, samples, training, back)
