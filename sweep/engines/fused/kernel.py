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
from sweep.engines.fused.passes import Memory, Plan, find_gradient, write_hidden
from sweep.engines.fused.rates import CLIP_LIMIT, FLAT_SPOT, WEIGHT_DECAY
from sweep.engines.fused.rules import Record, RuleTable, count_epoch, judge_epoch
from sweep.kernel.compilation import compiled, entry
from sweep.kernel.pointers import call
from sweep.kernel.vectors import addresses, at, choose, fma, load, store


class Block(NamedTuple):
    """What else a block of lanes works in, besides `Memory`.

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


class Pack(NamedTuple):
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


class Verdicts(NamedTuple):
    """What is found of each lane when it is judged.

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
def _vectors_of(plan: Plan) -> int:
    """Return how many vectors hold the parameters of a block."""
    return (plan.parameters * plan.stride + plan.width - 1) // plan.width


@compiled
def decay_weights(plan: Plan, m: Memory, partly: bool) -> None:
    """Add each lane's weight decay times its parameters to the gradient."""
    decay = load(at(m.hyper, WEIGHT_DECAY * plan.width))
    for i in range(0, _vectors_of(plan) * plan.width, plan.width):
        g = load(at(m.gradient, i))
        share = decay
        if partly:
            share = decay * load(at(m.decayed, i))
        # Chosen, not multiplied by 0: a lane without decay keeps its bits beside one with it.
        store(at(m.gradient, i), choose(share == 0.0, g, fma(share, load(at(m.parameters, i)), g)))


@compiled
def _enter(plan: Plan, m: Memory, b: Block, pack: Pack, row: int, j: int) -> None:
    """Bring the lane of `row` to element `j` of the block."""
    for k in range(pack.n_given):
        b.given[k * plan.width + j] = pack.given[row * pack.n_given + k]
    for k in range(pack.n_hyper):
        m.hyper[k * plan.width + j] = pack.hyper[row * pack.n_hyper + k]
    for k in range(pack.n_scalars):
        b.scalars[k * plan.width + j] = pack.scalars[k * pack.n_lanes + row]
    b.frozen[j] = 0
    if j >= plan.stride:
        return
    size = _vectors_of(plan) * plan.width
    for p in range(plan.parameters):
        m.parameters[p * plan.stride + j] = pack.parameters[row * plan.parameters + p]
    for s in range(pack.n_slots):
        slot = at(pack.slots, (s * pack.n_lanes + row) * plan.parameters)
        for p in range(plan.parameters):
            b.slots[s * size + p * plan.stride + j] = slot[p]


@compiled
def _leave(plan: Plan, m: Memory, b: Block, pack: Pack, row: int, j: int) -> None:
    """Write the lane at element `j` of the block back to its row."""
    size = _vectors_of(plan) * plan.width
    for k in range(pack.n_scalars):
        pack.scalars[k * pack.n_lanes + row] = b.scalars[k * plan.width + j]
    for p in range(plan.parameters):
        pack.parameters[row * plan.parameters + p] = m.parameters[p * plan.stride + j]
    for s in range(pack.n_slots):
        slot = at(pack.slots, (s * pack.n_lanes + row) * plan.parameters)
        for p in range(plan.parameters):
            slot[p] = b.slots[s * size + p * plan.stride + j]


@compiled
def _sum_columns(plan: Plan, m: Memory, b: Block, lanes: int, want_errors: bool) -> None:
    """Reduce column sums to losses, sample by sample, and column errors to the worst."""
    for j in range(lanes):
        b.losses[j] = 0.0
        b.errors[j] = 0.0
    for s in range(plan.samples):
        for j in range(lanes):
            place = s if plan.alone else s * plan.width + j
            b.losses[j] += m.sums[place]
            if want_errors and not m.worst[place] <= b.errors[j]:
                b.errors[j] = m.worst[place]
    for j in range(lanes):
        b.losses[j] *= plan.scale


@compiled(glue=True)
def _train_block(
    plan: Plan,
    m: Memory,
    b: Block,
    pack: Pack,
    rows: Any,
    lanes: int,
    record: Record,
    rules: RuleTable,
    epochs: int,
) -> None:
    """Train a block of lanes; one that a watch stops leaves at once, to wait for the next call."""
    for j in range(plan.width):
        _enter(plan, m, b, pack, rows[j] if j < lanes else rows[0], j)
    hyper = at(m.hyper, plan.update_row * plan.width)
    vectors = _vectors_of(plan)
    training = lanes
    for epoch in range(epochs):
        if pack.moves or epoch == 0:
            for j in range(plan.width):
                b.epochs[j] = record.epoch[rows[j] if j < lanes else rows[0]]
            call(plan.rates, (b.given, b.epochs, b.scalars, hyper))
        find_gradient(plan, m, pack.want_errors)
        _sum_columns(plan, m, b, lanes, pack.want_errors)
        if plan.clip:
            limits = at(m.hyper, CLIP_LIMIT * plan.width)
            call(plan.clip, (m.gradient, limits, plan.parameters, plan.stride))
        if pack.decays:
            decay_weights(plan, m, pack.partly)
        call(plan.update, (m.parameters, m.gradient, m.decayed, b.slots, hyper, vectors))
        for j in range(lanes):
            if not b.frozen[j]:
                count_epoch(record, rows[j], b.losses[j])
                if judge_epoch(record, rules, rows[j], b.errors[j]):
                    _leave(plan, m, b, pack, rows[j], j)
                    b.frozen[j] = 1
                    training -= 1
        if training == 0:
            return
    for j in range(lanes):
        if not b.frozen[j]:
            _leave(plan, m, b, pack, rows[j], j)


@compiled(glue=True)
def _judge_lane(
    plan: Plan, m: Memory, b: Block, pack: Pack, rows: Any, lanes: int, v: Verdicts
) -> None:
    """Judge a lane at its present weights, alone, with the operations of training."""
    row = rows[0]
    for j in range(plan.width):
        _enter(plan, m, b, pack, row, j)
        m.hyper[FLAT_SPOT * plan.width + j] = 0.0  # training's alone, not the gradient's
    if v.layer:
        write_hidden(plan, m, v.layer, v.hidden)
    find_gradient(plan, m, pack.want_errors)
    _sum_columns(plan, m, b, lanes, pack.want_errors)
    for s in range(plan.samples):
        v.reconstructed[row] += m.worst[s] <= v.margin
        v.argmax[row] += m.leads[s] > 0.0
    decay = m.hyper[WEIGHT_DECAY * plan.width]
    squares, slopes = 0.0, 0.0
    for p in range(plan.parameters):
        weight = 1.0 * m.parameters[p]
        slope = m.gradient[p] + decay * m.decayed[p] * weight
        squares += m.decayed[p] * weight * weight
        slopes += slope * slope
    v.loss[row] = b.losses[0]
    v.objective[row] = b.losses[0] + squares * decay / 2.0
    v.norm[row] = math.sqrt(slopes)


def run(
    packed: Plan,
    alone: Plan,
    packed_memory: Memory,
    memory_alone: Memory,
    block: Block,
    pack: Pack,
    record: Record,
    rules: RuleTable,
    verdicts: Verdicts,
    epochs: int,
    few: int,
) -> None:
    """Train the lanes of `pack.rows` for up to `epochs` epochs, in place; judge them if that is 0.

    One entry for both: most of what it calls is the same, and compiling is what a user waits for.

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
        plan, memory, count = packed, m, min(left, packed.width)
        if not many:
            plan, memory, count = alone, m_alone, min(left, 1)
        if epochs == 0:
            _judge_lane(plan, memory, b, lanes, rows, count, addresses(verdicts))
        else:
            r, u = addresses(record), addresses(rules)
            _train_block(plan, memory, b, lanes, rows, count, r, u, epochs)
        done += count


_SOURCES = (
    *sorted(Path(__file__).parent.glob("*.py")),
    *sorted(Path(str(stopping.__file__)).parent.glob("*.py")),
    *(Path(str(module.__file__)) for module in (ladder, state)),  # their constants
)
RUN = {dtype: entry(run, tag=dtype, sources=_SOURCES) for dtype in ("float32", "float64")}
"""The kernel by dtype: compiled at the first call, or loaded from the cache."""
