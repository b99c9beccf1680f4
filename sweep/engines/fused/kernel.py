"""The kernel: every epoch of every lane of a pack, in one compiled call.

Lanes are trained in blocks that fill a vector, a lane to each of its elements; the few that remain
are trained alone, with their samples side by side. Either way a lane's bits are the same.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

from sweep import ladder
from sweep.components import stopping
from sweep.engines import state
from sweep.engines.fused.forward_backward import Memory, Network, find_gradient, write_hidden
from sweep.engines.fused.hyperparameters import CLIP_LIMIT, FLAT_SPOT, WEIGHT_DECAY
from sweep.engines.fused.rules import LaneRecords, RuleTable, count_epoch, judge_epoch
from sweep.kernel.compilation import compiled, entry
from sweep.kernel.pointers import call
from sweep.kernel.vectors import addresses, at, choose, fma, load, store


class BlockMemory(NamedTuple):
    """The memory of a block of lanes, besides `Memory`.

    Attributes:
        slots: the optimizer's, `size` numbers each.
        given, epochs, scalars: of each lane, doubles: what the rates are found from, epochs
            trained, and the optimizer's own numbers.
        losses, errors: of each lane in this epoch. frozen: lanes that wait for the next call.
    """

    slots: Any
    given: Any
    epochs: Any
    scalars: Any
    losses: Any
    errors: Any
    frozen: Any


class LaneArrays(NamedTuple):
    """The lanes of a call.

    Attributes:
        parameters: (lanes, parameters). slots: (slots, lanes, parameters). Changed in place.
        scalars: the optimizer's own numbers, (scalars, lanes). given, hyper: (lanes, rows).
        rows: the lanes to train, `n_rows` of them among `n_lanes`.
        n_slots, n_scalars, n_given, n_hyper: sizes of the tables.
        decays, moves: whether any lane has weight decay, or rates that differ by epoch.
        partly: whether weight decay works on some parameters alone.
        want_errors: whether any rule looks at the outputs.
    """

    parameters: Any
    slots: Any
    scalars: Any
    given: Any
    hyper: Any
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
        reconstructed: samples whose every output is within `margin` of its target.
        argmax: samples whose largest output is where the target is 1.
        hidden: where to write the activations of `layer` of the last lane, samples by units.
        layer: counted from 1; 0 for none.
    """

    loss: Any
    objective: Any
    norm: Any
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
        b.given[k * net.width + j] = pack.given[row * pack.n_given + k]
    for k in range(pack.n_hyper):
        m.hyper[k * net.width + j] = pack.hyper[row * pack.n_hyper + k]
    for k in range(pack.n_scalars):
        b.scalars[k * net.width + j] = pack.scalars[k * pack.n_lanes + row]
    b.frozen[j] = 0
    if j >= net.stride:
        return
    size = _vectors_of(net) * net.width
    for p in range(net.parameters):
        m.parameters[p * net.stride + j] = pack.parameters[row * net.parameters + p]
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
    for s in range(pack.n_slots):
        slot = at(pack.slots, (s * pack.n_lanes + row) * net.parameters)
        for p in range(net.parameters):
            slot[p] = b.slots[s * size + p * net.stride + j]


@compiled
def _sum_columns(net: Network, m: Memory, b: BlockMemory, lanes: int, want_errors: bool) -> None:
    """Reduce column sums to losses, sample by sample, and column errors to the worst."""
    for j in range(lanes):
        b.losses[j] = 0.0
        b.errors[j] = 0.0
    for s in range(net.samples):
        for j in range(lanes):
            place = s if net.alone else s * net.width + j
            b.losses[j] += m.sums[place]
            if want_errors and not m.worst[place] <= b.errors[j]:
                b.errors[j] = m.worst[place]
    for j in range(lanes):
        b.losses[j] *= net.scale


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
    epochs: int,
) -> None:
    """Train a block of lanes; one that a watch stops leaves at once, to wait for the next call."""
    for j in range(net.width):
        _enter(net, m, b, pack, rows[j] if j < lanes else rows[0], j)
    hyper = at(m.hyper, net.update_row * net.width)
    vectors = _vectors_of(net)
    training = lanes
    for epoch in range(epochs):
        if pack.moves or epoch == 0:
            for j in range(net.width):
                b.epochs[j] = record.epoch[rows[j] if j < lanes else rows[0]]
            call(net.rates, (b.given, b.epochs, b.scalars, hyper))
        find_gradient(net, m, pack.want_errors)
        _sum_columns(net, m, b, lanes, pack.want_errors)
        if net.clip:
            limits = at(m.hyper, CLIP_LIMIT * net.width)
            call(net.clip, (m.gradient, limits, net.parameters, net.stride))
        if pack.decays:
            decay_weights(net, m, pack.partly)
        call(net.update, (m.parameters, m.gradient, m.decayed, b.slots, hyper, vectors))
        for j in range(lanes):
            if not b.frozen[j]:
                count_epoch(record, rows[j], b.losses[j], math.nan)
                if judge_epoch(record, rules, rows[j], b.errors[j]):
                    _leave(net, m, b, pack, rows[j], j)
                    b.frozen[j] = 1
                    training -= 1
        if training == 0:
            return
    for j in range(lanes):
        if not b.frozen[j]:
            _leave(net, m, b, pack, rows[j], j)


@compiled(glue=True)
def _evaluate_lane(
    net: Network,
    m: Memory,
    b: BlockMemory,
    pack: LaneArrays,
    rows: Any,
    lanes: int,
    v: Evaluations,
) -> None:
    """Evaluate a lane at its present weights, alone, with the operations of training."""
    row = rows[0]
    for j in range(net.width):
        _enter(net, m, b, pack, row, j)
        m.hyper[FLAT_SPOT * net.width + j] = 0.0  # training's alone, not the gradient's
    if v.layer:
        write_hidden(net, m, v.layer, v.hidden)
    find_gradient(net, m, pack.want_errors)
    _sum_columns(net, m, b, lanes, pack.want_errors)
    for s in range(net.samples):
        v.reconstructed[row] += m.worst[s] <= v.margin
        v.argmax[row] += m.leads[s] > 0.0
    decay = m.hyper[WEIGHT_DECAY * net.width]
    squares, slopes = 0.0, 0.0
    for p in range(net.parameters):
        weight = 1.0 * m.parameters[p]
        slope = m.gradient[p] + decay * m.decayed[p] * weight
        squares += m.decayed[p] * weight * weight
        slopes += slope * slope
    v.loss[row] = b.losses[0]
    v.objective[row] = b.losses[0] + squares * decay / 2.0
    v.norm[row] = math.sqrt(slopes)


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
    epochs: int,
    few: int,
) -> None:
    """Train the lanes of `pack.rows` for up to `epochs` epochs, in place; evaluate them if it is 0.

    One entry for both: most of the code is shared, and a user waits for it to compile.

    `packed` and `packed_memory` are for a block of lanes, `alone` and `memory_alone` for a lane
    alone; `few` lanes or fewer are trained one by one.
    """
    lanes, b = addresses(pack), addresses(block)
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
            _evaluate_lane(net, memory, b, lanes, rows, count, addresses(evaluations))
        else:
            r, u = addresses(record), addresses(rules)
            _train_block(net, memory, b, lanes, rows, count, r, u, epochs)
        done += count


_SOURCES = (
    *sorted(Path(__file__).parent.glob("*.py")),
    *sorted(Path(str(stopping.__file__)).parent.glob("*.py")),
    *(Path(str(module.__file__)) for module in (ladder, state)),  # their constants
)
RUN = {dtype: entry(run, tag=dtype, sources=_SOURCES) for dtype in ("float32", "float64")}
"""The kernel by dtype: compiled at the first call, or loaded from the cache."""
