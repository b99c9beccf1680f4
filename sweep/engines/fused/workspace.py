"""The memory that the kernel works in, and the numbers that describe it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sweep.components.losses import Variant
from sweep.datasets.data import Data, is_binary
from sweep.engines.fused import forms
from sweep.engines.fused.hyperparameters import (
    GivenRows,
    HyperparameterRows,
    part_of,
)
from sweep.engines.fused.kernel import BlockMemory
from sweep.engines.fused.layers import Layers
from sweep.engines.fused.network import Memory, Network
from sweep.engines.fused.parts import piece
from sweep.engines.start import slot_names
from sweep.kernel.randomness import SCRATCH_WORDS
from sweep.kernel.records import Packed, pack
from sweep.kernel.vectors import vector_width
from sweep.nets.layout import decay_shares, layout_of
from sweep.nets.topology import bottleneck_layer
from sweep.plugins.components import component_of, flags_of
from sweep.trial import Trial

PACKED_TILE = 8  # samples done at a time: their activations stay in the first cache
NARROW_TILE = 16  # likewise, of networks of up to `NARROW` units
NARROW = 96
ALONE_TILE = 8  # columns: an update of up to 128 samples is one tile
MOST_RESIDENT = 32 << 20  # bytes of samples laid out as the kernel wants them
MOST_PACKED = 2048  # parameters of networks that train side by side: sixteen fit the second cache
MOST_PACKED_OF_FEW = 8192  # likewise where a batch would not fill a vector


class Workspaces:
    """The workspaces of an engine, one for each thread that trains lanes of its own."""

    def __init__(self, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape` on `data`."""
        self._shape, self._samples = shape, _Samples.of(shape, data)
        self._made: list[Workspace] = []

    def __getitem__(self, place: int) -> "Workspace":
        while len(self._made) <= place:
            self._made.append(Workspace.of(self._shape, self._samples))
        return self._made[place]


@dataclass(frozen=True)
class Workspace:
    """What the kernel needs besides the lanes, for trials of one pack key on one set of data.

    Attributes:
        networks, memories: of a packed block, and of a lane alone.
        slots: the names of the optimizer's.
        records: networks and memories in turn, and the block's, laid out for the kernel.
    """

    networks: tuple[Network, Network]
    memories: tuple[Memory, Memory]
    slots: tuple[str, ...]
    records: tuple[Packed, ...]
    dtype: str

    @classmethod
    def of(cls, shape: Trial, samples: "_Samples") -> "Workspace":
        """Allocate for trials of the pack key of `shape` on `samples`."""
        slots, layers = slot_names(shape), Layers.of(shape)
        packed, alone = (_network(shape, samples, layers, alone=alone) for alone in (False, True))
        shared = _given(samples) | _of_lanes(shape, packed, samples)
        memories = [
            Memory(**shared | _laid_out(shape, samples, net) | _working(shape, layers, net))
            for net in (packed, alone)
        ]
        records = (packed, memories[0], alone, memories[1], _block(shape, packed, len(slots)))
        return cls(
            networks=(packed, alone),
            memories=(memories[0], memories[1]),
            slots=slots,
            records=tuple(pack(record, shape.dtype) for record in records),
            dtype=shape.dtype,
        )

    @property
    def packs(self) -> bool:
        """Whether lanes train side by side, not one by one."""
        packed = self.networks[0]
        most = MOST_PACKED if packed.batch >= packed.width else MOST_PACKED_OF_FEW
        return packed.parameters <= most

    @property
    def width(self) -> int:
        """Lanes of a packed block."""
        return self.networks[0].width

    @property
    def few(self) -> int:
        """How many lanes or fewer train one by one."""
        return self.width // 2 if self.packs else int(np.iinfo(np.int64).max)

    @property
    def shares_tiles(self) -> bool:
        """Whether threads can divide the samples of a tile; normalising is over all of them."""
        return self.networks[1].normalise == forms.NOTHING

    def member(self, rank: int) -> tuple[Packed, ...]:
        """Return the records for a thread of a team, which has room of its own to draw into."""
        memory = self.memories[1]
        own = memory._replace(scratch=memory.scratch.copy(), rows=memory.rows.copy())
        return (*self.records[:3], pack(own, self.dtype), self.records[4]) if rank else self.records


@dataclass(frozen=True)
class _Samples:
    """The data in the network's precision."""

    inputs: Float[np.ndarray, "samples features"]
    targets: Float[np.ndarray, "samples outputs"]
    held_inputs: Float[np.ndarray, "held features"]
    held_targets: Float[np.ndarray, "held outputs"]
    bits: tuple[bool, bool]

    @classmethod
    def of(cls, shape: Trial, data: Data) -> "_Samples":
        inputs, targets = data.in_dtype(shape.dtype)
        none = np.zeros((0, inputs.shape[1]), shape.dtype)
        held_inputs, held_targets = data.held_out_in_dtype(shape.dtype) or (
            none,
            none if targets is inputs else np.zeros((0, targets.shape[1]), shape.dtype),
        )
        bits = is_binary(targets), is_binary(held_targets)
        return cls(inputs, targets, held_inputs, held_targets, bits)

    @property
    def same(self) -> bool:
        """Whether the inputs are the targets, of training and held-out samples alike."""
        return self.inputs is self.targets and self.held_inputs is self.held_targets


def _network(shape: Trial, samples: _Samples, layers: Layers, *, alone: bool) -> Network:
    dtype, count = shape.dtype, len(samples.inputs)
    width = vector_width(np.dtype(dtype))
    batch = min(shape.batch_size or count, count)
    rows, given = HyperparameterRows.of(shape), GivenRows.of(shape)
    loss = component_of(shape, "loss")[0]
    per_sample = 1 if loss.sums_outputs else samples.targets.shape[1]
    drops = bool(shape.input_dropout), bool(shape.hidden_dropout)
    resident = _resident(shape, samples, batch, width, alone=alone)
    code = bottleneck_layer(shape.topology) if shape.code_penalty else None
    return Network(
        alone=alone,
        width=width,
        stride=1 if alone else width,
        depth=len(shape.topology) - 1,
        features=samples.inputs.shape[1],
        outputs=samples.targets.shape[1],
        row=-(-samples.inputs.shape[1] // width) * width,
        most=max(shape.topology),
        samples=count,
        held_out=len(samples.held_inputs),
        batch=batch,
        tile=_tile(shape, batch, len(samples.held_inputs), count, width, alone=alone),
        resident=resident,
        numbers=resident and not alone and shape.skip == "none",
        shuffled=shape.sample_order == "shuffled",
        same=samples.same,
        **_forms(shape, samples),
        output_options=rows.output_options,
        norm_options=rows.norm_options,
        update_row=rows.update,
        noise_row=given.noise,
        dropout_row=given.dropout,
        input_dropout=drops[0],
        hidden_dropout=drops[1],
        terms=0 if shape.loss_reduction == "sum" else per_sample,
        parameters=layout_of(shape).n_parameters,
        buffers=layers.n_buffers,
        extra=layers.n_extra,
        code=code or 0,
    )


def _resident(shape: Trial, samples: _Samples, batch: int, width: int, *, alone: bool) -> bool:
    """Return whether all samples are laid out once, for nothing changes them."""
    whole = not alone or batch % width == 0 or batch == len(samples.inputs)
    drawn = shape.sample_order == "shuffled" or shape.input_noise != "none" or shape.input_dropout
    size = samples.targets.size * (1 if alone else width) + 3 * samples.inputs.size
    return whole and not drawn and size * samples.inputs.itemsize <= MOST_RESIDENT


def _tile(shape: Trial, batch: int, held_out: int, samples: int, width: int, *, alone: bool) -> int:
    """Return how many columns are done at a time: of a normalised network a whole batch."""
    per_column = width if alone else 1
    if shape.normalisation != "none":
        return -(-batch // per_column)
    packed_tile = NARROW_TILE if sum(shape.topology) <= NARROW else PACKED_TILE
    return min(ALONE_TILE if alone else packed_tile, -(-max(batch, held_out) // per_column))


def _forms(shape: Trial, samples: _Samples) -> dict[str, int]:
    """Return the address of every form that the kernel may call, of the network's fields."""
    dtype, nothing = shape.dtype, forms.NOTHING
    optimizer, options = component_of(shape, "optimizer")
    schedule, _ = component_of(shape, "learning_rate_schedule")
    flags = flags_of(optimizer, options)
    norm, skip = ((nothing, nothing),) * 2
    if shape.normalisation != "none":
        norm = forms.normalisation_forms(component_of(shape, "normalisation")[0], dtype)
    if shape.skip != "none":
        skip = forms.skip_forms(component_of(shape, "skip")[0], dtype)
    drops = shape.input_dropout or shape.hidden_dropout
    noise, clip = part_of(shape, "input_noise"), part_of(shape, "gradient_clip")
    return {
        "hidden": forms.activation_form(component_of(shape, "activation")[0], dtype),
        "output": _output_form(shape),
        "loss": _loss_form(shape, samples.bits[0]),
        "held_out_loss": _loss_form(shape, samples.bits[1]) if len(samples.held_inputs) else 0,
        "rates": forms.rates_form(schedule, optimizer, flags, dtype),
        "update": forms.update_form(optimizer, flags, dtype, partly=not shape.decay_biases),
        "clip": nothing if shape.gradient_clip == "none" else forms.clipping_form(clip, dtype),
        "order": forms.order_form(dtype) if shape.sample_order == "shuffled" else nothing,
        "corrupt": nothing if shape.input_noise == "none" else forms.noise_form(noise, dtype),
        "drop": forms.dropout_form(dtype) if drops else nothing,
        "normalise": norm[0],
        "normalise_back": norm[1],
        "join": skip[0],
        "join_back": skip[1],
        "take_tile": piece("pass", dtype).address,
        "add_tile": piece("gradients", dtype).address,
    }


def _output_form(shape: Trial) -> int:
    loss, options = component_of(shape, "loss")
    output, _ = component_of(shape, "output_activation")
    keeps = loss.takes_logits(options.get("semantics"))
    return forms.activation_form(output, shape.dtype, keeps_logits=keeps)


def _loss_form(shape: Trial, bits: bool) -> int:
    loss, options = component_of(shape, "loss")
    variant = Variant(
        semantics=options.get("semantics"),
        softmax=component_of(shape, "output_activation")[0].softmax,
        bits=bits,
        options=options,
    )
    return forms.loss_form(loss, variant, shape.dtype)


def _given(samples: _Samples) -> dict[str, Any]:
    return {
        "given_inputs": samples.inputs.ravel(),
        "given_targets": samples.targets.ravel(),
        "held_inputs": samples.held_inputs.ravel(),
        "held_targets": samples.held_targets.ravel(),
    }


def _of_lanes(shape: Trial, packed: Network, samples: _Samples) -> dict[str, Any]:
    """Return the memory of a block's lanes, of one alone too."""
    dtype, width = np.dtype(shape.dtype), packed.width
    rows = HyperparameterRows.of(shape).count
    drawn = max(shape.topology) + width
    order = len(samples.inputs) if packed.shuffled else 1
    return {
        "parameters": np.zeros((packed.parameters + 1) * width, dtype),
        "gradient": np.zeros((packed.parameters + packed.extra + 1) * width, dtype),
        "buffers": np.zeros((packed.buffers + 1) * width, dtype),
        "hyper": np.zeros(rows * width, dtype),
        "given": np.zeros((packed.dropout_row + 4) * width),
        "zero": np.zeros(width, dtype),
        "scratch": np.zeros(drawn),
        "sorting": np.zeros(order * SCRATCH_WORDS, np.int64),
        "orders": np.zeros(order * width, np.int64),
        "seeds": np.zeros(width, np.int64),
        "epochs": np.zeros(width),
        "updates": np.zeros(width),
        "fresh": np.zeros(1, np.int8),
    }


def _laid_out(shape: Trial, samples: _Samples, net: Network) -> dict[str, Any]:
    """Return samples and shares of weight decay as a layout wants them."""
    width, shares = net.width, decay_shares(shape).astype(shape.dtype)
    empty = np.zeros(0, shape.dtype)
    kept = dict.fromkeys(("kept_inputs", "kept_turned", "kept_targets"), empty)
    if net.resident and net.alone:
        kept = {
            "kept_inputs": _columns(samples.inputs, width),
            "kept_turned": _turned(samples.inputs, width),
            "kept_targets": _columns(samples.targets, width),
        }
    elif net.resident:
        spread = 1 if net.numbers else width
        kept["kept_inputs"] = np.repeat(samples.inputs.ravel(), spread)
        kept["kept_targets"] = np.repeat(samples.targets.ravel(), width)
    decayed = np.pad(shares, (0, width)) if net.alone else np.repeat(shares, width)
    return kept | {"decayed": decayed}


def _working(shape: Trial, layers: Layers, net: Network) -> dict[str, Any]:
    """Return the memory of a tile and of gradients."""
    dtype, width = np.dtype(shape.dtype), net.width
    units, columns = int(sum(shape.topology[1:])), net.tile
    spare = width * width  # blocks that are turned are read and written whole
    rows = columns * width if net.alone else width

    def numbers(count: int, *, wanted: object = True) -> np.ndarray:
        return np.zeros(count * width + spare if wanted else 0, dtype)

    longest = -(-max(net.row, net.outputs) // width + 1) * width
    normalised, joined = shape.normalisation != "none", shape.skip != "none"
    room = units + net.depth * width
    return layers.tables(net) | {
        "inputs": numbers(columns * net.features),
        "targets": numbers(columns * net.outputs),
        "turned_inputs": np.zeros(rows * net.row + spare, dtype),
        "rows": np.zeros(max(longest, 2 * width) * width + spare, dtype),
        "slopes": numbers(columns * units),
        "values": numbers(columns * units),
        "normal": numbers(columns * units, wanted=normalised),
        "inner": numbers(columns * units, wanted=joined),
        "doors": numbers(columns * units, wanted=joined),
        "masks": numbers(columns * units, wanted=net.hidden_dropout),
        "back": numbers(columns * net.most),
        "over": numbers(columns * net.most),
        "turned": np.zeros(layers.turned(net) + spare, dtype),
        "spread": np.zeros(layers.spread(net) + spare, dtype),
        "statistics": numbers(4 * (room + width), wanted=normalised),
        "sums": np.zeros(columns * width),
        "worst": np.zeros(columns * width),
        "leads": np.zeros(columns * width),
    }


def _block(shape: Trial, network: Network, slots: int) -> BlockMemory:
    width = network.width
    optimizer, _ = component_of(shape, "optimizer")
    return BlockMemory(
        slots=np.zeros(max(1, slots) * network.parameters * width, shape.dtype),
        scalars=np.zeros(max(1, len(optimizer.scalars)) * width),
        sums=np.zeros(width),
        losses=np.zeros(width),
        errors=np.zeros(width),
        frozen=np.zeros(width, np.int8),
    )


def _columns(table: Float[np.ndarray, "samples features"], width: int) -> np.ndarray:
    """Lay samples out as columns: `width` samples of a feature side by side, 0 after the last."""
    padded = np.zeros((-(-len(table) // width) * width, table.shape[1]), table.dtype)
    padded[: len(table)] = table
    return padded.reshape(-1, width, table.shape[1]).transpose(0, 2, 1).ravel()


def _turned(table: Float[np.ndarray, "samples features"], width: int) -> np.ndarray:
    """Lay samples out as rows of whole vectors, a 1 after the last feature if there is room."""
    samples, features = table.shape
    rows = np.zeros((samples, -(-features // width) * width), table.dtype)
    rows[:, :features] = table
    rows[:, features : features + 1] = 1.0
    return rows.ravel()
