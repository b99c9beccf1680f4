"""The memory that the kernel works in, and the layout that describes it.

A *column* is a vector of values of one unit: in a packed block a sample in several lanes, in a lane
alone several samples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sweep.components.losses import Variant
from sweep.datasets.data import Data
from sweep.engines.fused import forms
from sweep.engines.fused.forward_backward import Memory, Network
from sweep.engines.fused.hyperparameters import RATES_GIVEN, HyperparameterRows, optimizer_kernel
from sweep.engines.fused.kernel import BlockMemory
from sweep.engines.start import slot_names
from sweep.kernel.vectors import vector_width
from sweep.nets.layout import Role, decay_shares, layout_of
from sweep.plugins.components import component_of, flags_of
from sweep.trial import Trial

PACKED_TILE = 8  # samples done at a time: their activations stay in the first cache


@dataclass(frozen=True)
class Workspace:
    """What the kernel needs besides the lanes, for trials of one pack key on one set of data."""

    packed: Network
    alone: Network
    packed_memory: Memory
    memory_alone: Memory
    block: BlockMemory
    slots: tuple[str, ...]

    @classmethod
    def of(cls, shape: Trial, data: Data) -> "Workspace":
        """Allocate for trials of the pack key of `shape` on `data`."""
        slots = slot_names(shape)
        packed, alone = (_network(shape, data, alone=alone) for alone in (False, True))
        packed_memory, memory_alone = _memories(shape, data, packed, alone)
        return cls(
            packed=packed,
            alone=alone,
            packed_memory=packed_memory,
            memory_alone=memory_alone,
            block=_block(shape, packed, len(slots)),
            slots=slots,
        )


def _network(shape: Trial, data: Data, *, alone: bool) -> Network:
    dtype = shape.dtype
    width = vector_width(np.dtype(dtype))
    samples, features = data.targets.shape
    rows = HyperparameterRows.of(shape)
    optimizer, options = component_of(shape, "optimizer")
    schedule, _ = component_of(shape, "learning_rate_schedule")
    flags, loss = flags_of(optimizer, options), component_of(shape, "loss")[0]
    terms = samples if loss.sums_outputs else samples * features
    return Network(
        alone=alone,
        width=width,
        stride=1 if alone else width,
        depth=len(shape.topology) - 1,
        features=features,
        samples=samples,
        columns=-(-samples // width) if alone else samples,
        tile=1 if alone else PACKED_TILE,
        biases=shape.biases,
        hidden=forms.activation_form(component_of(shape, "activation")[0], dtype),
        output=_output_form(shape),
        loss=_loss_form(shape, data),
        rates=forms.rates_form(schedule, optimizer, flags, dtype),
        update=forms.update_form(optimizer, flags, dtype, partly=not shape.decay_biases),
        clip=_clipping_form(shape),
        output_options=rows.output_options,
        update_row=rows.update,
        scale=1.0 if shape.loss_reduction == "sum" else 1.0 / terms,
        parameters=layout_of(shape).n_parameters,
    )


def _output_form(shape: Trial) -> int:
    loss, options = component_of(shape, "loss")
    output, _ = component_of(shape, "output_activation")
    keeps = loss.takes_logits(options.get("semantics"))
    return forms.activation_form(output, shape.dtype, keeps_logits=keeps)


def _loss_form(shape: Trial, data: Data) -> int:
    loss, options = component_of(shape, "loss")
    variant = Variant(
        semantics=options.get("semantics"),
        softmax=component_of(shape, "output_activation")[0].softmax,
        bits=bool(np.isin(data.targets, (0.0, 1.0)).all()),
        options=options,
    )
    return forms.loss_form(loss, variant, shape.dtype)


def _clipping_form(shape: Trial) -> int:
    if shape.gradient_clip == "none":
        return forms.NOTHING
    return forms.clipping_form(component_of(shape, "gradient_clip")[0], shape.dtype)


def _memories(shape: Trial, data: Data, packed: Network, alone: Network) -> tuple[Memory, Memory]:
    """Return the memory of a packed block and of a lane alone: the same but for data and decay."""
    dtype, width = np.dtype(shape.dtype), packed.width
    inputs, targets = data.inputs.astype(dtype), data.targets.astype(dtype)
    shared = _shared_memory(shape, packed, alone) | {"turned_inputs": _turned(inputs, width)}
    shares = decay_shares(shape).astype(dtype)
    packed_data = {
        "inputs": inputs.ravel(),
        "targets": np.repeat(targets.ravel(), width),
        "decayed": np.repeat(shares, width),
    }
    data_alone = {
        "inputs": _columns(inputs, width),
        "targets": _columns(targets, width),
        "decayed": np.pad(shares, (0, width)),
    }
    return Memory(**shared, **packed_data), Memory(**shared, **data_alone)


def _shared_memory(shape: Trial, packed: Network, alone: Network) -> dict[str, Any]:
    widths, width = np.array(shape.topology, np.int64), packed.width
    weights = [array for array in layout_of(shape).parameters if array.role is Role.WEIGHT]
    dtype = np.dtype(shape.dtype)
    rows = -(-(widths[:-1] + 1) // width) * width
    columns = max(packed.columns, alone.columns)
    pads = np.concatenate([[0], np.cumsum(rows * widths[1:])])
    units = int(widths[1:].sum()) * max(packed.tile, alone.tile)
    return {
        "widths": widths,
        "starts": np.array([array.start for array in weights], np.int64),
        "heights": np.concatenate([[0, 0], np.cumsum(widths[1:])]),
        "pads": pads,
        "parameters": np.zeros(packed.parameters * width, dtype),
        "gradient": np.zeros(packed.parameters * width, dtype),
        "hyper": np.zeros(HyperparameterRows.of(shape).count * width, dtype),
        "slopes": np.zeros(units * width, dtype),
        "values": np.zeros(units * width, dtype),
        "turned": np.zeros(int(rows.max()) * width, dtype),
        "spread": np.zeros(int(pads[-1]), dtype),
        "zero": np.zeros(width, dtype),
        "sums": np.zeros(columns * width),
        "worst": np.zeros(columns * width),
        "leads": np.zeros(columns * width),
    }


def _block(shape: Trial, network: Network, slots: int) -> BlockMemory:
    width = network.width
    optimizer, _ = component_of(shape, "optimizer")
    return BlockMemory(
        slots=np.zeros(max(1, slots) * network.parameters * width, shape.dtype),
        given=np.zeros((RATES_GIVEN + len(optimizer_kernel(shape).reads)) * width),
        epochs=np.zeros(width),
        scalars=np.zeros(max(1, len(optimizer.scalars)) * width),
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
    """Lay samples out as rows of whole vectors, a 1 after the last feature: the bias's input."""
    samples, features = table.shape
    rows = np.zeros((samples, -(-(features + 1) // width) * width), table.dtype)
    rows[:, :features] = table
    rows[:, features] = 1.0
    return rows.ravel()
