"""The kernel: every epoch of every lane of a pack, in one compiled call.

Lanes are trained in blocks that fill a vector, a lane to each of its elements, or alone, with their
samples side by side. Either way a lane's bits are the same.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from sweep.engines.fused.gradients import (
    clear_gradient,
    join_tied,
    write_hidden,
)
from sweep.engines.fused.hyperparameters import (
    CLIP_LIMIT,
    CODE_PENALTY,
    FLAT_SPOT,
    WEIGHT_DECAY,
    WEIGHT_L1,
)
from sweep.engines.fused.network import Memory, Network, place, scale_of
from sweep.engines.fused.rules import (
    LEAST_LOSS,
    LEAST_VALIDATION_LOSS,
    LaneRecords,
    RuleTable,
    count_epoch,
    judge_epoch,
)
from sweep.engines.fused.samples import take_order
from sweep.engines.fused.teams import Team, meet, share
from sweep.engines.fused.units import Counts, count_units
from sweep.kernel.compilation import compiled
from sweep.kernel.pointers import call
from sweep.kernel.records import Bytes, Doubles, Numbers, Words, address_of, record_reader
from sweep.kernel.vectors import at, choose, fma, load, plain, store


class BlockMemory(NamedTuple):
    """The memory of a block of lanes, besides `Memory`.

    Attributes:
        slots: the optimizer's, `size` numbers each.
        scalars: of each lane, doubles: the optimizer's own numbers.
        sums, losses, errors: of each lane in a batch, and in this epoch. frozen: lanes that wait
            for the next call.
    """

    slots: Numbers
    scalars: Doubles
    sums: Doubles
    losses: Doubles
    errors: Doubles
    frozen: Bytes


class LaneArrays(NamedTuple):
    """The lanes of a call.

    Attributes:
        parameters: (lanes, parameters). slots: (slots, lanes, parameters). Changed in place, as
            buffers: (lanes, buffers).
        scalars: the optimizer's own numbers, (scalars, lanes). given, hyper: (lanes, rows).
        seeds: of each lane.
        rows: the lanes to train, `n_rows` of them among `n_lanes`.
        n_slots, n_scalars, n_given, n_hyper: sizes of the tables.
        best, held_out_best: (lanes, parameters and buffers): the networks of the least losses, as
            `count_epoch` says, if `keeps_best` or `keeps_held_out_best`.
        every: of each lane, epochs from one loss on held-out samples to the next; 0 for never.
        decays, moves: whether any lane has weight decay, or rates that differ by update.
        partly: whether weight decay works on some parameters alone.
        want_errors: whether any rule looks at the outputs.
    """

    parameters: Numbers
    slots: Numbers
    buffers: Numbers
    scalars: Doubles
    given: Doubles
    hyper: Numbers
    seeds: Words
    best: Numbers
    held_out_best: Numbers
    every: Words
    rows: Words
    n_rows: int
    n_lanes: int
    n_slots: int
    n_scalars: int
    n_given: int
    n_hyper: int
    keeps_best: bool
    keeps_held_out_best: bool
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
        counts: of units.
    """

    loss: Doubles
    objective: Doubles
    norm: Doubles
    held_out: Doubles
    reconstructed: Words
    argmax: Words
    hidden: Numbers
    layer: int
    margin: float
    counts: Counts


@compiled
def _vectors_of(net: Network) -> int:
    """Return how many vectors hold the parameters of a block."""
    return (net.parameters * net.stride + net.width - 1) // net.width


@compiled
def decay_weights(net: Network, m: Memory, partly: bool) -> None:
    """Add to the gradient what each lane's penalties on weights have it be."""
    decay = load(at(m.hyper, WEIGHT_DECAY * net.width))
    l1 = load(at(m.hyper, WEIGHT_L1 * net.width))
    for i in range(0, _vectors_of(net) * net.width, net.width):
        g = load(at(m.gradient, i))
        weight, part, slope = load(at(m.parameters, i)), decay, l1
        if partly:
            part = decay * load(at(m.decayed, i))
            slope = l1 * load(at(m.decayed, i))
        # Chosen, not multiplied by 0: a lane without decay keeps its bits beside one with it.
        signed = choose(weight > 0.0, g + slope, choose(weight < 0.0, g - slope, g))
        g = choose(l1 == 0.0, g, signed)
        store(at(m.gradient, i), choose(part == 0.0, g, fma(part, weight, g)))


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


@compiled(glue=True)
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
    most, here = _tile_samples(net), (address_of(net), address_of(m))
    for done in range(0, samples, most):
        first, count = start + done, min(most, samples - done)
        flags = (1, 1, 0, int(pack.want_errors))
        call(net.take_tile, (*here, first, count, samples, *flags, team.rank, team.size))
        meet(team)
        if team.rank == 0:
            _sum_tile(net, m, b, count, lanes, pack.want_errors)
        ends = (int(done == 0), int(done + count == samples))
        call(net.add_tile, (*here, first, count, 1, *ends, team.rank, team.size))
        meet(team)
    if team.rank == 0:
        portion = samples / net.samples if net.terms else 1.0
        for j in range(lanes):
            b.losses[j] += b.sums[j] * scale_of(net, samples) * portion
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
    first, stop = share(team.rank, team.size, vectors)
    place = first * net.width
    parameters, gradient = at(m.parameters, place), at(m.gradient, place)
    decayed, slots = at(m.decayed, place), at(b.slots, place)
    call(net.update, (parameters, gradient, decayed, slots, hyper, stop - first, vectors))
    meet(team)


@compiled
def _validate(net: Network, m: Memory, b: BlockMemory, team: Team, lanes: int) -> None:
    """Leave each lane's loss on the held-out samples in `sums`."""
    if team.rank == 0:
        for j in range(lanes):
            b.sums[j] = 0.0
    most, here = _tile_samples(net), (address_of(net), address_of(m))
    for first in range(0, net.held_out, most):
        count = min(most, net.held_out - first)
        call(net.take_tile, (*here, first, count, net.held_out, 0, 0, 1, 0, team.rank, team.size))
        meet(team)
        if team.rank == 0:
            _sum_tile(net, m, b, count, lanes, plain(False))
        meet(team)
    if team.rank == 0:
        for j in range(lanes):
            b.sums[j] *= scale_of(net, net.held_out)


@compiled
def _due(pack: LaneArrays, record: LaneRecords, row: int) -> bool:
    """Return whether a lane's loss on held-out samples is taken after its next epoch."""
    every: int = pack.every[row]
    return every > 0 and (record.epoch[row] + 1) % every == 0


@compiled
def _copy_network(net: Network, m: Memory, out: Any, row: int, j: int) -> None:
    """Copy the parameters and buffers at element `j` of the block to a row of `out`."""
    line = at(out, row * (net.parameters + net.buffers))
    for p in range(net.parameters):
        line[p] = m.parameters[p * net.stride + j]
    for p in range(net.buffers):
        line[net.parameters + p] = m.buffers[p * net.stride + j]


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
            team.due[0] = 0
            for j in range(lanes):
                team.due[0] += _due(pack, record, rows[j])
        meet(team)
        for start in range(0, net.samples, net.batch):
            _train_batch(net, m, b, pack, team, start, min(net.batch, net.samples - start), lanes)
        if team.due[0]:
            _validate(net, m, b, team, lanes)
        if team.rank == 0:
            m.fresh[0] = 0
            for j in range(net.width):
                m.epochs[j] += 1.0
            for j in range(lanes):
                if not b.frozen[j]:
                    held_out = math.nan
                    if _due(pack, record, rows[j]):
                        held_out = math.inf if math.isnan(b.sums[j]) else b.sums[j]
                    made = int(m.updates[j])
                    least = count_epoch(record, rows[j], b.losses[j], held_out, made)
                    if pack.keeps_best and least & LEAST_LOSS:
                        _copy_network(net, m, pack.best, rows[j], j)
                    if pack.keeps_held_out_best and least & LEAST_VALIDATION_LOSS:
                        _copy_network(net, m, pack.held_out_best, rows[j], j)
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
    most, here = _tile_samples(net), (address_of(net), address_of(m))
    for first in range(0, net.samples, most):
        count = min(most, net.samples - first)
        if v.counts.wanted:
            call(net.take_tile, (*here, first, count, net.samples, 0, 0, 0, 0, 0, 1))
            count_units(net, m, v.counts, row, first, count)
        call(net.take_tile, (*here, first, count, net.samples, 0, 1, 0, 1, 0, 1))
        _sum_tile(net, m, b, count, plain(1), plain(True))
        ends = (int(first == 0), int(first + count == net.samples))
        call(net.add_tile, (*here, first, count, 0, *ends, 0, 1))
        for s in range(count):
            v.reconstructed[row] += m.worst[s] <= v.margin
            v.argmax[row] += m.leads[s] > 0.0
        if v.layer:
            write_hidden(net, m, first, count, v.layer, v.hidden)
        codes += _code_magnitude(net, m, count)
    join_tied(net, m)
    loss = b.sums[0] * scale_of(net, net.samples)
    decay, l1 = m.hyper[WEIGHT_DECAY * net.width], m.hyper[WEIGHT_L1 * net.width]
    squares, magnitudes, slopes = 0.0, 0.0, 0.0
    for p in range(net.parameters):
        weight = 1.0 * m.parameters[p]
        slope = m.gradient[p] + decay * m.decayed[p] * weight
        if weight != 0.0:
            slope += l1 * m.decayed[p] * math.copysign(1.0, weight)
        squares += m.decayed[p] * weight * weight
        magnitudes += m.decayed[p] * abs(weight)
        slopes += slope * slope
    v.loss[row] = loss
    penalty = codes * m.hyper[CODE_PENALTY * net.width] / net.samples
    v.objective[row] = loss + squares * decay / 2.0 + penalty
    if l1 != 0.0:
        v.objective[row] += magnitudes * l1
    v.norm[row] = math.sqrt(slopes)
    if net.held_out:
        _validate(net, m, b, team, plain(1))
        v.held_out[row] = b.sums[0]


@compiled
def _code_magnitude(net: Network, m: Memory, samples: int) -> float:
    """Alone: return the summed magnitudes of a tile's codes, if any lane is penalised for them."""
    total = 0.0
    if net.code:
        units = m.widths[net.code]
        for s in range(samples):
            values = place(m.values, net, m, net.code, s // net.width)
            for i in range(units):
                total += abs(1.0 * values[i * net.width + s % net.width])
    return total


def make_run(dtype: str) -> Callable[..., None]:
    """Return the function to compile for networks of a precision."""
    network, memory = record_reader(Network, dtype), record_reader(Memory, dtype)
    block_memory, lane_arrays = record_reader(BlockMemory, dtype), record_reader(LaneArrays, dtype)
    lane_records, rule_table = record_reader(LaneRecords, dtype), record_reader(RuleTable, dtype)
    found, members = record_reader(Evaluations, dtype), record_reader(Team, dtype)

    def run(
        packed: int,
        packed_memory: int,
        alone: int,
        memory_alone: int,
        block: int,
        pack: int,
        record: int,
        rules: int,
        evaluations: int,
        team: int,
        epochs: int,
        few: int,
    ) -> None:
        """Train the lanes of `pack.rows` for up to `epochs` epochs, or evaluate them if it is 0.

        One entry for both: most of the code is shared, and a user waits for it to compile.
        Arguments but for the last two are addresses of records. `packed` and `packed_memory` are
        for a block of lanes, `alone` and `memory_alone` for a lane alone; `few` lanes or fewer are
        trained one by one.
        """
        lanes, b, done = lane_arrays(pack), block_memory(block), 0
        while done < lanes.n_rows:
            left = lanes.n_rows - done
            rows = at(lanes.rows, done)
            net, m = network(packed), memory(packed_memory)
            count = min(left, net.width)
            if left <= few or epochs == 0:
                net, m, count = network(alone), memory(memory_alone), min(left, 1)
            if epochs == 0:
                _evaluate_lane(net, m, b, lanes, rows, found(evaluations), members(team))
            else:
                r, u = lane_records(record), rule_table(rules)
                _train_block(net, m, b, lanes, rows, count, r, u, members(team), epochs)
            done += count

    return run
