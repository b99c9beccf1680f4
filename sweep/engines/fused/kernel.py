"""The kernel: every epoch of every lane of a pack, in one compiled call.

Lanes are trained in blocks that fill a vector, a lane to each of its elements, or alone, with their
samples side by side. Either way a lane's bits are the same.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

from sweep import ladder
from sweep.components import stopping
from sweep.engines import state
from sweep.engines.fused.forward_backward import backward, compare_outputs, forward
from sweep.engines.fused.gradients import (
    add_gradients,
    clear_gradient,
    join_tied,
    settle_gradient,
    write_hidden,
)
from sweep.engines.fused.hyperparameters import (
    CLIP_LIMIT,
    CODE_PENALTY,
    FLAT_SPOT,
    WEIGHT_DECAY,
)
from sweep.engines.fused.network import Memory, Network, Tile, columns_of, place
from sweep.engines.fused.rules import LaneRecords, RuleTable, count_epoch, judge_epoch
from sweep.engines.fused.samples import load_tile, take_order, tile_of
from sweep.engines.fused.teams import Team, meet, share
from sweep.kernel.compilation import compiled, entry
from sweep.kernel.pointers import call
from sweep.kernel.vectors import addresses, at, choose, fma, load, store


class BlockMemory(NamedTuple):
    """The memory of a block of lanes, besides `Memory`.

    Attributes:
        slots: the optimizer's, `size` numbers each.
        scalars: of each lane, doubles: the optimizer's own numbers.
        sums, losses, errors: of each lane in a batch, and in this epoch. frozen: lanes that wait
            for the next call.
    """

    slots: Any
    scalars: Any
    sums: Any
    losses: Any
    errors: Any
    frozen: Any


class LaneArrays(NamedTuple):
    """The lanes of a call.

    Attributes:
        parameters: (lanes, parameters). slots: (slots, lanes, parameters). Changed in place, as
            buffers: (lanes, buffers).
        scalars: the optimizer's own numbers, (scalars, lanes). given, hyper: (lanes, rows).
        seeds: of each lane.
        rows: the lanes to train, `n_rows` of them among `n_lanes`.
        n_slots, n_scalars, n_given, n_hyper: sizes of the tables.
        decays, moves: whether any lane has weight decay, or rates that differ by update.
        partly: whether weight decay works on some parameters alone.
        want_errors: whether any rule looks at the outputs.
    """

    parameters: Any
    slots: Any
    buffers: Any
    scalars: Any
    given: Any
    hyper: Any
    seeds: Any
    rows: Any
    n_rows: int
    n_lanes: int
    n_slots: int
    n_scalars: int
    n_given: int
    n_hyper: int
    decays: bool
    moves: bool
    partly: bool
    want_errors: bool


class Evaluations(NamedTuple):
    """What the kernel finds when it evaluates lanes.

    Attributes:
        loss, objective, norm: float64. norm: of the objective's gradient.
        held_out: the loss on held-out samples, if there are any.
        reconstructed: samples whose every output is within `margin` of its target.
        argmax: samples whose largest output is where the target is 1.
        hidden: where to write the activations of `layer` of the last lane, samples by units.
        layer: counted from 1; 0 for none.
    """

    loss: Any
    objective: Any
    norm: Any
    held_out: Any
    reconstructed: Any
    argmax: Any
    hidden: Any
    layer: int
    margin: float


@compiled
def _vectors_of(net: Network) -> int:
    """Return how many vectors hold the parameters of a block."""
    return (net.parameters * net.stride + net.width - 1) // net.width


@compiled
def decay_weights(net: Network, m: Memory, partly: bool) -> None:
    """Add each lane's weight decay times its parameters to the gradient."""
    decay = load(at(m.hyper, WEIGHT_DECAY * net.width))
    for i in range(0, _vectors_of(net) * net.width, net.width):
        g = load(at(m.gradient, i))
        share = decay
        if partly:
            share = decay * load(at(m.decayed, i))
        # Chosen, not multiplied by 0: a lane without decay keeps its bits beside one with it.
        store(at(m.gradient, i), choose(share == 0.0, g, fma(share, load(at(m.parameters, i)), g)))


@compiled
def _enter(net: Network, m: Memory, b: BlockMemory, pack: LaneArrays, row: int, j: int) -> None:
    """Copy the lane of `row` to element `j` of the block."""
    for k in range(pack.n_given):
        m.given[k * net.width + j] = pack.given[row * pack.n_given + k]
    for k in range(pack.n_hyper):
        m.hyper[k * net.width + j] = pack.hyper[row * pack.n_hyper + k]
    for k in range(pack.n_scalars):
        b.scalars[k * net.width + j] = pack.scalars[k * pack.n_lanes + row]
    m.seeds[j] = pack.seeds[row]
    b.frozen[j] = 0
    if j >= net.stride:
        return
    size = _vectors_of(net) * net.width
    for p in range(net.parameters):
        m.parameters[p * net.stride + j] = pack.parameters[row * net.parameters + p]
    for p in range(net.buffers):
        m.buffers[p * net.stride + j] = pack.buffers[row * net.buffers + p]
    for s in range(pack.n_slots):
        slot = at(pack.slots, (s * pack.n_lanes + row) * net.parameters)
        for p in range(net.parameters):
            b.slots[s * size + p * net.stride + j] = slot[p]


@compiled
def _leave(net: Network, m: Memory, b: BlockMemory, pack: LaneArrays, row: int, j: int) -> None:
    """Write the lane at element `j` of the block back to its row."""
    size = _vectors_of(net) * net.width
    for k in range(pack.n_scalars):
        pack.scalars[k * pack.n_lanes + row] = b.scalars[k * net.width + j]
    for p in range(net.parameters):
        pack.parameters[row * net.parameters + p] = m.parameters[p * net.stride + j]
    for p in range(net.buffers):
        pack.buffers[row * net.buffers + p] = m.buffers[p * net.stride + j]
    for s in range(pack.n_slots):
        slot = at(pack.slots, (s * pack.n_lanes + row) * net.parameters)
        for p in range(net.parameters):
            slot[p] = b.slots[s * size + p * net.stride + j]


@compiled(glue=True)
def _scale_of(net: Network, samples: int) -> float:
    """Return what the sum of all loss terms of so many samples is multiplied with."""
    return 1.0 / (samples * net.terms) if net.terms else 1.0


@compiled
def _pass(
    net: Network,
    m: Memory,
    tile: Tile,
    team: Team,
    batch: int,
    held: bool,
    want_errors: bool,
) -> None:
    """Take this thread's columns of a tile forward, compare them, and carry the gradient back."""
    column, stop = share(team, columns_of(net, tile.samples))
    if held:
        load_tile(net, m, tile, column, stop, m.held_inputs, m.held_targets)
    elif not net.resident:
        load_tile(net, m, tile, column, stop, m.given_inputs, m.given_targets)
    forward(net, m, tile, column, stop)
    form = net.held_out_loss if held else net.loss
    compare_outputs(net, m, tile, column, stop, form, _scale_of(net, batch), want_errors)
    if tile.back:
        backward(net, m, tile, column, stop, batch)


@compiled(glue=True)
def _tile_samples(net: Network) -> int:
    return net.tile * net.width if net.alone else net.tile


@compiled
def _sum_tile(
    net: Network, m: Memory, b: BlockMemory, samples: int, lanes: int, want_errors: bool
) -> None:
    """Add column sums to the sums of a batch, sample by sample; note the worst errors."""
    for s in range(samples):
        for j in range(lanes):
            here = s if net.alone else s * net.width + j
            b.sums[j] += m.sums[here]
            if want_errors and not m.worst[here] <= b.errors[j]:
                b.errors[j] = m.worst[here]


@compiled
def _train_batch(
    net: Network,
    m: Memory,
    b: BlockMemory,
    pack: LaneArrays,
    team: Team,
    start: int,
    samples: int,
    lanes: int,
) -> None:
    """Make an update of every lane, and add its loss to that of the epoch."""
    hyper = at(m.hyper, net.update_row * net.width)
    if team.rank == 0:
        if pack.moves or (start == 0 and m.fresh[0]):
            call(net.rates, (m.given, m.epochs, m.updates, b.scalars, hyper))
        if not net.alone or net.normalise != 0:
            clear_gradient(net, m)
        for j in range(lanes):
            b.sums[j] = 0.0
    most = _tile_samples(net)
    for done in range(0, samples, most):
        tile = tile_of(net, m, start + done, min(most, samples - done), True, True, False)
        _pass(net, m, tile, team, samples, False, pack.want_errors)
        meet(team)
        if team.rank == 0:
            _sum_tile(net, m, b, tile.samples, lanes, pack.want_errors)
        add_gradients(net, m, tile, team, done == 0)
        meet(team)
    settle_gradient(net, m, team)
    meet(team)
    if team.rank == 0:
        portion = samples / net.samples if net.terms else 1.0
        for j in range(lanes):
            b.losses[j] += b.sums[j] * _scale_of(net, samples) * portion
        for j in range(net.width):
            m.updates[j] += 1.0
        if net.extra:
            join_tied(net, m)
        if net.clip:
            limits = at(m.hyper, CLIP_LIMIT * net.width)
            call(net.clip, (m.gradient, limits, net.parameters, net.stride))
        if pack.decays:
            decay_weights(net, m, pack.partly)
    if net.extra or net.clip or pack.decays:
        meet(team)
    vectors = _vectors_of(net)
    first, stop = share(team, vectors)
    here = first * net.width
    arrays = (at(m.parameters, here), at(m.gradient, here), at(m.decayed, here), at(b.slots, here))
    call(net.update, (*arrays, hyper, stop - first, vectors))
    meet(team)


@compiled
def _validate(net: Network, m: Memory, b: BlockMemory, team: Team, lanes: int) -> None:
    """Leave each lane's loss on the held-out samples in `sums`."""
    for j in range(lanes):
        if team.rank == 0:
            b.sums[j] = 0.0
    most = _tile_samples(net)
    for first in range(0, net.held_out, most):
        tile = tile_of(net, m, first, min(most, net.held_out - first), False, False, True)
        _pass(net, m, tile, team, net.held_out, True, False)
        meet(team)
        if team.rank == 0:
            _sum_tile(net, m, b, tile.samples, lanes, False)
        meet(team)
    if team.rank == 0:
        for j in range(lanes):
            b.sums[j] *= _scale_of(net, net.held_out)


@compiled(glue=True)
def _train_block(
    net: Network,
    m: Memory,
    b: BlockMemory,
    pack: LaneArrays,
    rows: Any,
    lanes: int,
    record: LaneRecords,
    rules: RuleTable,
    team: Team,
    epochs: int,
) -> None:
    """Train a block of lanes; one that a watch stops leaves at once, to wait for the next call."""
    if team.rank == 0:
        for j in range(net.width):
            row = rows[j] if j < lanes else rows[0]
            _enter(net, m, b, pack, row, j)
            m.epochs[j] = record.epoch[row]
            m.updates[j] = record.updates[row]
        team.going[0] = lanes
        m.fresh[0] = 1
    for _ in range(epochs):
        if team.rank == 0:
            for j in range(lanes):
                b.losses[j] = 0.0
                b.errors[j] = 0.0
            if net.shuffled:
                take_order(net, m, net.stride)
        meet(team)
        for start in range(0, net.samples, net.batch):
            _train_batch(net, m, b, pack, team, start, min(net.batch, net.samples - start), lanes)
        if team.rank == 0:
            m.fresh[0] = 0
            for j in range(net.width):
                m.epochs[j] += 1.0
            for j in range(lanes):
                if not b.frozen[j]:
                    count_epoch(record, rows[j], b.losses[j], int(m.updates[j]))
                    if judge_epoch(record, rules, rows[j], b.errors[j]):
                        _leave(net, m, b, pack, rows[j], j)
                        b.frozen[j] = 1
                        team.going[0] -= 1
        meet(team)
        if team.going[0] == 0:
            return
    if team.rank == 0:
        for j in range(lanes):
            if not b.frozen[j]:
                _leave(net, m, b, pack, rows[j], j)
    meet(team)


@compiled(glue=True)
def _evaluate_lane(
    net: Network,
    m: Memory,
    b: BlockMemory,
    pack: LaneArrays,
    rows: Any,
    v: Evaluations,
    team: Team,
) -> None:
    """Evaluate a lane at its present weights, alone, with the operations of training."""
    row = rows[0]
    for j in range(net.width):
        _enter(net, m, b, pack, row, j)
        m.hyper[FLAT_SPOT * net.width + j] = 0.0  # training's alone, not the gradient's
    clear_gradient(net, m)
    codes = 0.0
    b.sums[0], b.errors[0] = 0.0, 0.0
    most = _tile_samples(net)
    for first in range(0, net.samples, most):
        tile = tile_of(net, m, first, min(most, net.samples - first), False, True, False)
        _pass(net, m, tile, team, net.samples, False, pack.want_errors)
        _sum_tile(net, m, b, tile.samples, 1, pack.want_errors)
        add_gradients(net, m, tile, team, first == 0)
        for s in range(tile.samples):
            v.reconstructed[row] += m.worst[s] <= v.margin
            v.argmax[row] += m.leads[s] > 0.0
        if v.layer:
            write_hidden(net, m, tile, v.layer, v.hidden)
        codes += _code_magnitude(net, m, tile)
    settle_gradient(net, m, team)
    join_tied(net, m)
    loss = b.sums[0] * _scale_of(net, net.samples)
    decay = m.hyper[WEIGHT_DECAY * net.width]
    squares, slopes = 0.0, 0.0
    for p in range(net.parameters):
        weight = 1.0 * m.parameters[p]
        slope = m.gradient[p] + decay * m.decayed[p] * weight
        squares += m.decayed[p] * weight * weight
        slopes += slope * slope
    v.loss[row] = loss
    penalty = codes * m.hyper[CODE_PENALTY * net.width] / net.samples
    v.objective[row] = loss + squares * decay / 2.0 + penalty
    v.norm[row] = math.sqrt(slopes)
    if net.held_out:
        _validate(net, m, b, team, 1)
        v.held_out[row] = b.sums[0]


@compiled
def _code_magnitude(net: Network, m: Memory, tile: Tile) -> float:
    """Alone: return the summed magnitudes of a tile's codes, if any lane is penalised for them."""
    total = 0.0
    if net.code:
        units = m.widths[net.code]
        for s in range(tile.samples):
            values = place(m.values, net, m, net.code, s // net.width)
            for i in range(units):
                total += abs(1.0 * values[i * net.width + s % net.width])
    return total


def run(
    packed: Network,
    alone: Network,
    packed_memory: Memory,
    memory_alone: Memory,
    block: BlockMemory,
    pack: LaneArrays,
    record: LaneRecords,
    rules: RuleTable,
    evaluations: Evaluations,
    threads: Team,
    epochs: int,
    few: int,
) -> None:
    """Train the lanes of `pack.rows` for up to `epochs` epochs, in place; evaluate them if it is 0.

    One entry for both: most of the code is shared, and a user waits for it to compile.

    `packed` and `packed_memory` are for a block of lanes, `alone` and `memory_alone` for a lane
    alone; `few` lanes or fewer are trained one by one.
    """
    lanes, b, team = addresses(pack), addresses(block), addresses(threads)
    m, m_alone = addresses(packed_memory), addresses(memory_alone)
    done = 0
    while done < lanes.n_rows:
        left = lanes.n_rows - done
        rows = at(lanes.rows, done)
        many = left > few and epochs > 0
        net, memory, count = packed, m, min(left, packed.width)
        if not many:
            net, memory, count = alone, m_alone, min(left, 1)
        if epochs == 0:
            _evaluate_lane(net, memory, b, lanes, rows, addresses(evaluations), team)
        else:
            r, u = addresses(record), addresses(rules)
            _train_block(net, memory, b, lanes, rows, count, r, u, team, epochs)
        done += count


_SOURCES = (
    *sorted(Path(__file__).parent.glob("*.py")),
    *sorted(Path(str(stopping.__file__)).parent.glob("*.py")),
    *(Path(str(module.__file__)) for module in (ladder, state)),  # their constants
)
RUN = {dtype: entry(run, tag=dtype, sources=_SOURCES) for dtype in ("float32", "float64")}
"""The kernel by dtype: compiled at the first call, or loaded from the cache."""
