"""What describes a network, its samples and its memory to the kernel.

A *column* is a vector of values that never meet: the same sample in several lanes (a packed block),
or several samples of one lane (a lane alone). The two differ in where a parameter lies (a vector a
parameter, or a number that is repeated) and in how sums over samples are taken; every number is
computed by the same operations in the same order, so the bits are the same.

A *tile* is as many columns as are done at a time, so that what they need stays in the caches.
"""

from typing import Any, NamedTuple

from sweep.kernel.compilation import compiled
from sweep.kernel.matmul import Matrix
from sweep.kernel.records import Bytes, Doubles, Numbers, Words
from sweep.kernel.vectors import at


class Network(NamedTuple):
    """The numbers that describe a network, its loss and its training to the kernel.

    Attributes:
        alone: whether vectors run over samples of one lane, not over lanes.
        width: numbers a vector. stride: from one parameter to the next: `width`, or 1 alone.
        depth: layers of weights. features, outputs: of the network. row: padded length of inputs.
        most: units of the widest layer.
        samples, held_out: of the data. batch: samples an update. tile: columns done at a time.
        resident: whether the columns of all samples are kept, for nothing changes them.
        numbers: whether inputs are numbers that all lanes share, not columns.
        shuffled: whether each lane has an order of its own. same: whether targets are the inputs.
        hidden, output, loss, held_out_loss, rates, update, clip: addresses of components' forms.
        order, corrupt, drop: likewise, of what is drawn.
        normalise, normalise_back, join, join_back: likewise, of what layers do besides; `join`
            for skips. take_tile, add_tile: as `parts` has them.
        options, output_options, norm_options, update_row: rows of a lane's numbers, as
            `HyperparameterRows` has them. noise_row, dropout_row: rows of its float64 numbers.
        input_dropout, hidden_dropout: whether any lane drops these.
        terms: loss terms of a sample that are averaged; 0 where all are summed.
        parameters, buffers: of a lane. extra: numbers of gradients that others take up.
        code: the bottleneck, as a layer counted from 1; 0 for none.
    """

    alone: bool
    width: int
    stride: int
    depth: int
    features: int
    outputs: int
    row: int
    most: int
    samples: int
    held_out: int
    batch: int
    tile: int
    resident: bool
    numbers: bool
    shuffled: bool
    same: bool
    hidden: int
    output: int
    loss: int
    held_out_loss: int
    rates: int
    update: int
    clip: int
    order: int
    corrupt: int
    drop: int
    normalise: int
    normalise_back: int
    join: int
    join_back: int
    take_tile: int
    add_tile: int
    output_options: int
    norm_options: int
    update_row: int
    noise_row: int
    dropout_row: int
    input_dropout: bool
    hidden_dropout: bool
    terms: int
    parameters: int
    buffers: int
    extra: int
    code: int


class Memory(NamedTuple):
    """Pointers to what a pass reads and writes.

    Attributes:
        widths: units of each layer. heights: units of the layers below, inputs left out.
        weights, across, along: of each layer: its first weight, and from one to the next along
            outputs and inputs, so that tied weights are read where their mirror's are.
        biases, scales, gates, gate_biases: of each layer, -1 where it has none; a shift follows
            its scale.
        means: of each layer, its running means among the buffers; variances follow.
        mirrors: of each layer, the first weight of the layer whose weights it shares, or -1.
        gradients: of each layer, where the gradient of its weights lies.
        pads, gate_pads: likewise in `spread`. turns: where its inputs lie in `turned`.
        given_inputs, given_targets, held_inputs, held_targets: (samples, features).
        kept_inputs, kept_turned, kept_targets: what `resident` keeps, as a tile has it.
        inputs, turned_inputs, targets: of a tile: columns, rows of padded length with a 1 after
            the last feature if there is room, columns.
        rows: alone or packed: rows to be turned into columns.
        parameters, gradient, buffers, hyper, given: as their names say.
        decayed: of each parameter, 1 where weight decay works on it, else 0.
        slopes, values: pre-activations, then derivatives, then gradients; and activations.
        normal, inner, doors, masks: of each layer where it needs them: normalised pre-activations;
            activations before a skip; gates; factors of dropout.
        back, over: gradients of the activations of a layer, and of the next.
        turned: alone: the activations of hidden layers as rows of padded length.
        spread: alone: gradients as rows of padded length.
        statistics: of normalised layers: mean, inverse deviation and two sums for each unit.
        zero: a vector of 0. scratch, sorting: doubles and words to draw into.
        sums, worst, leads: float64, one vector a column of a tile.
        orders: of each lane, the samples of an epoch in turn. seeds: of each lane.
        epochs, updates: doubles, of each lane, how many it has been trained.
        fresh: whether a call has made no epoch yet.
    """

    widths: Words
    heights: Words
    weights: Words
    across: Words
    along: Words
    biases: Words
    scales: Words
    gates: Words
    gate_biases: Words
    means: Words
    mirrors: Words
    gradients: Words
    pads: Words
    gate_pads: Words
    turns: Words
    given_inputs: Numbers
    given_targets: Numbers
    held_inputs: Numbers
    held_targets: Numbers
    kept_inputs: Numbers
    kept_turned: Numbers
    kept_targets: Numbers
    inputs: Numbers
    turned_inputs: Numbers
    targets: Numbers
    rows: Numbers
    parameters: Numbers
    gradient: Numbers
    buffers: Numbers
    hyper: Numbers
    given: Doubles
    decayed: Numbers
    slopes: Numbers
    values: Numbers
    normal: Numbers
    inner: Numbers
    doors: Numbers
    masks: Numbers
    back: Numbers
    over: Numbers
    turned: Numbers
    spread: Numbers
    statistics: Numbers
    zero: Numbers
    scratch: Doubles
    sorting: Words
    sums: Doubles
    worst: Doubles
    leads: Doubles
    orders: Words
    seeds: Words
    epochs: Doubles
    updates: Doubles
    fresh: Bytes


class Tile(NamedTuple):
    """Samples under way.

    Attributes:
        inputs, turned, targets: its columns and rows, in `Memory` or among what is kept.
        numbers: whether `inputs` are numbers.
        first: the place of its first sample in the order of the epoch. samples: how many.
        training: whether this is training, not evaluation. back: whether gradients are wanted.
    """

    inputs: Any
    turned: Any
    targets: Any
    numbers: bool
    first: int
    samples: int
    training: bool
    back: bool


@compiled
def padded(count: int, width: int) -> int:
    return (count + width - 1) // width * width


@compiled
def columns_of(net: Network, samples: int) -> int:
    """Return how many columns hold so many samples."""
    return (samples + net.width - 1) // net.width if net.alone else samples


@compiled
def place(start: Any, net: Network, m: Memory, layer: int, column: int) -> Any:
    """Return where a column of the units of `layer`, counted from 1, lies in `slopes` or so."""
    return at(start, (m.heights[layer] * net.tile + m.widths[layer] * column) * net.width)


@compiled
def by_columns(start: Any, net: Network, m: Memory, layer: int, column: int) -> Matrix:
    """Return the units of `layer`, from a column on, as a table of (column, unit)."""
    here = place(start, net, m, layer, column)
    return Matrix(here, m.widths[layer] * net.width, net.width)


@compiled
def statistics_of(net: Network, m: Memory, layer: int) -> Any:
    """Return where the statistics of `layer`, counted from 1, lie, each with room to spare."""
    return at(m.statistics, 4 * (m.heights[layer] + layer * net.width) * net.width)


@compiled
def scale_of(net: Network, samples: int) -> float:
    """Return what the sum of all loss terms of so many samples is multiplied with."""
    return 1.0 / (samples * net.terms) if net.terms else 1.0
