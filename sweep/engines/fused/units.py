"""Counts what the units of trained lanes do: whose slope is small or 0, which outputs are 0."""

# mypy: disable-error-code="no-untyped-call"

import ctypes
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float64

from sweep.components.activations import Activation
from sweep.engines.diagnosis import (
    FLAT_SHARE,
    SLOPES_AT,
    ZERO,
    Diagnosis,
    have_distinct_codes,
    least_distance,
)
from sweep.engines.fused import forms
from sweep.engines.fused.gradients import write_hidden
from sweep.engines.fused.hyperparameters import FLAT_SPOT, OPTIONS
from sweep.engines.fused.network import Memory, Network, place
from sweep.engines.symmetry import unit_distances
from sweep.kernel.compilation import compiled
from sweep.kernel.records import Doubles, Numbers, Words
from sweep.kernel.vectors import at, vector_width
from sweep.nets.topology import bottleneck_layer
from sweep.plugins.components import component_of
from sweep.trial import Trial


class Counts(NamedTuple):
    """What the kernel counts of lanes that it evaluates.

    Attributes:
        still, flat: of each lane and hidden unit, the samples at which its slope is 0, and at
            which it is less than `small`.
        zeros: of each lane and output, the samples at which it is 0.
        codes: where to write the bottleneck's activations, lanes by samples by units.
        lift, small: of each lane, what is added to slopes, and which of them are small.
        zero: outputs nearer to 0 count as 0. n_units: hidden units. code: the bottleneck, as a
            layer counted from 1; 0 for none. wanted: whether to count.
    """

    still: Words
    flat: Words
    zeros: Words
    codes: Numbers
    lift: Numbers
    small: Doubles
    zero: float
    n_units: int
    code: int
    wanted: bool


@compiled
def count_units(
    net: Network, m: Memory, counts: Counts, row: int, first: int, samples: int
) -> None:
    """Alone: add the counts of a tile that has gone forward, and write its codes."""
    width, unit = net.width, row * counts.n_units
    for layer in range(1, net.depth):
        units = m.widths[layer]
        slopes, values = place(m.slopes, net, m, layer, 0), place(m.values, net, m, layer, 0)
        for c in range((samples + width - 1) // width):
            count = min(width, samples - c * width)
            for i in range(units):
                here = (c * units + i) * width
                for s in range(here, here + count):
                    slope = abs(slopes[s] + counts.lift[row])
                    number = values[s] == values[s]  # what is none is neither
                    counts.still[unit + i] += number and slope == 0.0
                    counts.flat[unit + i] += number and slope < counts.small[row]
        unit += units
    outputs = place(m.values, net, m, net.depth, 0)
    for s in range(samples):
        for i in range(net.outputs):
            value = outputs[(s // width * net.outputs + i) * width + s % width]
            counts.zeros[row * net.outputs + i] += abs(1.0 * value) < counts.zero
    if counts.code:
        room = at(counts.codes, row * net.samples * m.widths[counts.code])
        write_hidden(net, m, first, samples, counts.code, room)


@dataclass(frozen=True)
class UnitCounter:
    """Counts for trials of one pack key on one set of data."""

    shape: Trial
    targets: Float[np.ndarray, "samples outputs"]

    @property
    def codes(self) -> int:
        """How many numbers the codes of a lane are."""
        bottleneck = bottleneck_layer(self.shape.topology)
        return 0 if bottleneck is None else len(self.targets) * self.shape.topology[bottleneck]

    def none(self) -> Counts:
        """Return what has the kernel count nothing."""
        words, numbers = np.zeros(0, np.int64), np.zeros(0, self.shape.dtype)
        return Counts(words, words, words, numbers, numbers, np.zeros(0), ZERO, 0, 0, wanted=False)

    def counts_of(self, hyper: Float[np.ndarray, "lanes rows"]) -> Counts:
        """Return counts of 0 for lanes with these numbers, as `HyperparameterRows` has them.

        None are wanted of normalised networks, which are looked at with the statistics of all
        samples.
        """
        if self.shape.normalisation != "none":
            return self.none()
        lanes, units, dtype = len(hyper), sum(self.shape.topology[1:-1]), hyper.dtype
        activation, _ = component_of(self.shape, "activation")
        steepest = steepest_slopes(activation, hyper)
        return Counts(
            still=np.zeros(lanes * units, np.int64),
            flat=np.zeros(lanes * units, np.int64),
            zeros=np.zeros(lanes * self.targets.shape[1], np.int64),
            codes=np.zeros(lanes * self.codes, dtype),
            lift=hyper[:, FLAT_SPOT] * dtype.type(activation.flattens),
            small=(FLAT_SHARE * steepest).astype(np.float64),
            zero=float(dtype.type(ZERO)),
            n_units=units,
            code=bottleneck_layer(self.shape.topology) or 0,
            wanted=True,
        )

    def diagnoses(
        self, counts: Counts, parameters: Float[np.ndarray, "lanes parameters"]
    ) -> list[Diagnosis] | list[None]:
        """Return what was counted of each lane and how far its units are apart; None if nothing."""
        if not counts.wanted:
            return [None] * len(parameters)
        distances = unit_distances(self.shape, parameters)
        return [self._diagnosis(counts, row, least) for row, least in enumerate(distances)]

    def _diagnosis(
        self, counts: Counts, row: int, distances: Float64[np.ndarray, " hidden"]
    ) -> Diagnosis:
        samples, outputs = self.targets.shape
        units = slice(row * counts.n_units, (row + 1) * counts.n_units)
        still, flat = counts.still[units], counts.flat[units]
        zeros = counts.zeros.reshape(-1, outputs)[row]
        wanted = (np.abs(self.targets) >= ZERO).any(axis=0)
        return Diagnosis(
            dead_units=int((still == samples).sum()),
            saturated_share=float((flat / samples).mean()) if counts.n_units else None,
            zero_outputs=int(((zeros == samples) & wanted).sum()),
            output_sparsity=int(zeros.sum()) / (samples * outputs),
            unit_distance=least_distance(distances),
            codes_distinct=self._distinct(counts, row),
        )

    def _distinct(self, counts: Counts, row: int) -> bool | None:
        if not self.codes:
            return None
        own = counts.codes.reshape(-1, self.codes)[row].reshape(len(self.targets), -1)
        return have_distinct_codes(self.shape, own.astype(np.float64))


def steepest_slopes(
    activation: Activation, hyper: Float[np.ndarray, "lanes rows"]
) -> Float[np.ndarray, " lanes"]:
    """Return the steepest slope of each lane's hidden activation, its flat spot included."""
    last = OPTIONS + len(activation.options)
    own = np.column_stack([hyper[:, FLAT_SPOT], hyper[:, OPTIONS:last]])
    different, which = np.unique(own, axis=0, return_inverse=True)
    steepest = [_steepest(activation, numbers) for numbers in different]
    return np.array(steepest, hyper.dtype)[which.ravel()]


def _steepest(activation: Activation, numbers: Float[np.ndarray, " numbers"]) -> Any:
    width = vector_width(numbers.dtype)
    flat_spot, *options = (np.full(width, number) for number in numbers)
    given = np.concatenate([*options, np.zeros(0)]).astype(numbers.dtype)
    slopes = np.zeros(-(-len(SLOPES_AT) // width) * width, numbers.dtype)
    slopes[: len(SLOPES_AT)] = SLOPES_AT
    values = np.empty_like(slopes)
    word, pointer = ctypes.c_int64, ctypes.c_void_p
    call = ctypes.CFUNCTYPE(None, pointer, pointer, word, word, pointer, pointer)
    form = call(forms.activation_form(activation, numbers.dtype.name))
    arrays = (slopes.ctypes.data, values.ctypes.data)
    form(*arrays, len(slopes) // width, 1, given.ctypes.data, flat_spot.ctypes.data)
    return np.abs(slopes[: len(SLOPES_AT)]).max()
