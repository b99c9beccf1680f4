"""Measures networks: dead and saturated units, symmetry, the gradient of each layer.

Nothing is changed. Lanes are measured side by side with library products, so the last bits of a
measurement may depend on which lanes are beside it; training never sees them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from sweep.datasets.data import Data
from sweep.engines.diagnosis import (
    FLAT_SHARE,
    SLOPES_AT,
    ZERO,
    Diagnosis,
    have_distinct_codes,
    least_distance,
)
from sweep.engines.evaluation import tensors
from sweep.engines.penalties import CodePenalties, contracts, penalises
from sweep.engines.state import Lanes, LaneState
from sweep.engines.symmetry import unit_distances
from sweep.engines.torch.networks import BatchedNetwork, Forward, Values
from sweep.nets.autoencoder import network_at
from sweep.nets.layout import decay_shares, layout_of, mirror_of
from sweep.nets.losses import trial_loss
from sweep.nets.topology import bottleneck_layer, layers_of
from sweep.plugins.components import component_of
from sweep.trial import Trial

MOST_NUMBERS = 4_000_000  # activations of a layer in memory at once
MOST_DIAGNOSED = 1_000_000  # likewise, where samples can be taken block by block

Parameters = Float[np.ndarray, "lanes parameters"]
Codes = Float64[np.ndarray, "lanes samples units"]
PerLayer = dict[str, Float64[np.ndarray, "lanes layers"]]


class Examiner:
    """Measures the networks of one pack key on one set of data."""

    def __init__(self, shape: Trial, data: Data) -> None:
        """Prepare for trials of the pack key of `shape` on `data`."""
        self._shape = shape
        self._inputs, self._targets = tensors(data, shape)
        self._loss = trial_loss(shape)

    @np.errstate(over="ignore", invalid="ignore")  # a diverged network is looked into too
    def diagnose(self, lanes: Lanes, state: LaneState) -> list[Diagnosis]:
        """Return the diagnosis of every lane's network, normalised over all samples at once."""
        distances = unit_distances(self._shape, state.parameters)
        found: list[Diagnosis] = []
        for rows in self._groups(len(lanes)):
            chosen, current = lanes.take(rows), state.take(rows)
            codes = self._room_for_codes(len(rows))
            parts = [self._pass(chosen, current, block, codes) for block in self._blocks]
            distinct = self._distinct(chosen, current, codes)
            found += _diagnose(_Passed.joined(parts), distances[rows], distinct)
        return found

    @property
    def _most_samples(self) -> int:
        """Return how many samples to diagnose on at once: all where they are normalised."""
        if self._shape.normalisation != "none":
            return len(self._inputs)
        return max(1, MOST_DIAGNOSED // max(self._shape.topology))

    def _room_for_codes(self, lanes: int) -> Codes:
        """Return where to write codes: whole, as pieces would lie between what is freed."""
        bottleneck = bottleneck_layer(self._shape.topology)
        units = 0 if bottleneck is None else self._shape.topology[bottleneck]
        return np.empty((lanes, len(self._inputs), units))

    @property
    def _blocks(self) -> list[slice]:
        starts = range(0, len(self._inputs), self._most_samples)
        return [slice(start, start + self._most_samples) for start in starts]

    @np.errstate(over="ignore", invalid="ignore")  # a diverged network is looked into too
    def probe(self, lanes: Lanes, state: LaneState, later: Parameters | None) -> PerLayer:
        """Return the columns of the table `gradients`, but the verdict, for every lane and layer.

        Args:
            lanes: at least one.
            state: of them, which is left as it is.
            later: the parameters after the next epoch; None if there is none.
        """
        parts = [
            self._probe(lanes.take(r), state.take(r), None if later is None else later[r])
            for r in self._groups(len(lanes))
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _groups(self, lanes: int) -> Iterator[np.ndarray]:
        """Yield rows of lanes whose activations fit into memory together."""
        widest = len(self._inputs) * max(self._shape.topology)
        if contracts(self._shape):
            widest *= self._shape.topology[bottleneck_layer(self._shape.topology) or 0]
        size = max(1, MOST_NUMBERS // widest)
        for start in range(0, lanes, size):
            yield np.arange(start, min(lanes, start + size))

    def _pass(self, lanes: Lanes, state: LaneState, block: slice, codes: Codes) -> "_Passed":
        """Pass a block of samples through the networks; write their codes to `codes`."""
        network = _TracedNetwork.of(lanes, state.copy())
        with torch.no_grad():
            found = network.forward(self._inputs[block])
        if codes.shape[2]:
            codes[:, block] = found.code.numpy()
        zero = found.outputs.abs() < ZERO
        return _Passed(
            samples=zero.shape[1],
            units=network.units(),
            all_zero=zero.all(dim=1).numpy(),
            zeros=zero.sum(dim=(1, 2)).numpy(),
            wanted=(self._targets[block].abs() >= ZERO).any(dim=0).numpy(),
        )

    def _distinct(self, lanes: Lanes, state: LaneState, codes: Codes) -> list[bool | None]:
        """Return whether every sample has a code of its own; None where there are no codes.

        `codes` are what a pass found at the bottlenecks. With batch normalisation they go by the
        statistics of the pass, a network's codes by the running ones.
        """
        if not codes.shape[2]:
            return [None] * len(lanes)
        found = list(codes)
        if self._shape.normalisation != "none":
            paths = enumerate(lane.path for lane in lanes.lanes)
            networks = [network_at(path, state.network(row)) for row, path in paths]
            with torch.no_grad():
                found = [network.encode(self._inputs).double().numpy() for network in networks]
        return [have_distinct_codes(self._shape, codes) for codes in found]

    def _probe(self, lanes: Lanes, copy: LaneState, later: Parameters | None) -> PerLayer:
        network, parameters = _TracedNetwork.of(lanes, copy), copy.parameters
        found = network.forward(self._inputs)
        gradient = network.gradient(self._objective(lanes, network, found).sum()).double().numpy()
        gradient += self._on_weights(lanes, parameters)
        units = network.units()
        norms = layer_norms(self._shape, gradient)
        weights = layer_norms(self._shape, parameters)
        counts = layer_norms(self._shape, np.ones_like(parameters))
        moved = np.full(norms.shape, np.nan)
        if later is not None:
            steps = layer_norms(self._shape, later - parameters)
            np.divide(steps, weights, out=moved, where=weights > 0)  # tied layers begin at 0
        distances = np.full(norms.shape, np.nan)
        distances[:, :-1] = unit_distances(self._shape, parameters)
        return {
            "gradient_norm": norms,
            "gradient_rms": norms / counts,
            "weight_norm": weights,
            "update_ratio": moved,
            "saturated_share": _by_layer(units.flat, units.widths),
            "dead_share": _by_layer(units.dead.astype(np.float64), units.widths),
            "unit_distance": distances,
        }

    def _objective(
        self, lanes: Lanes, network: "_TracedNetwork", found: Forward
    ) -> Float64[Tensor, " lanes"]:
        loss = self._loss(found.logits, found.outputs, self._targets)
        if not penalises(self._shape):
            return loss
        jacobian = network.squared_jacobian(found) if contracts(self._shape) else None
        return loss + CodePenalties.of_lanes(lanes, loss.device).of(found.code, jacobian)

    def _on_weights(self, lanes: Lanes, parameters: Parameters) -> Parameters:
        """Return the gradient of the penalties on weights; of L2 none where it is decoupled."""
        l1, decay = (lanes.numbers(name)[:, None] for name in ("weight_l1", "weight_decay"))
        if component_of(self._shape, "optimizer")[0].decouples_decay:
            decay = np.zeros_like(decay)
        on_all = decay * parameters + l1 * np.sign(parameters)
        found: np.ndarray = on_all * decay_shares(self._shape)
        return found


@dataclass(frozen=True)
class _Passed:
    """What a pass of lanes over samples found.

    Attributes:
        samples: how many. units: of the hidden layers.
        all_zero: outputs that are 0 for every sample. zeros: of each lane, how many numbers are.
        wanted: outputs that are to be other than 0 for some sample.
    """

    samples: int
    units: "_Units"
    all_zero: Bool[np.ndarray, "lanes outputs"]
    zeros: Int64[np.ndarray, " lanes"]
    wanted: Bool[np.ndarray, " outputs"]

    @classmethod
    def joined(cls, parts: Sequence["_Passed"]) -> "_Passed":
        """Return what was found over the samples of all parts."""
        if len(parts) == 1:
            return parts[0]
        counts = [part.samples for part in parts]
        return cls(
            samples=sum(counts),
            units=_Units.joined([part.units for part in parts], counts),
            all_zero=np.logical_and.reduce([part.all_zero for part in parts]),
            zeros=np.sum([part.zeros for part in parts], axis=0),
            wanted=np.logical_or.reduce([part.wanted for part in parts]),
        )


def _diagnose(
    passed: _Passed, distances: Float64[np.ndarray, "lanes layers"], distinct: list[bool | None]
) -> list[Diagnosis]:
    units, numbers = passed.units, passed.samples * len(passed.wanted)
    stuck = (passed.all_zero & passed.wanted).sum(axis=1)
    return [
        Diagnosis(
            dead_units=int(units.dead[row].sum()),
            saturated_share=float(units.flat[row].mean()) if units.flat.shape[1] else None,
            zero_outputs=int(stuck[row]),
            output_sparsity=int(passed.zeros[row]) / numbers,
            unit_distance=least_distance(distances[row]),
            codes_distinct=distinct[row],
        )
        for row in range(len(stuck))
    ]


@dataclass(frozen=True)
class _Units:
    """The hidden units of lanes, layer after layer.

    Attributes:
        dead: whether the slope is 0 for every sample. flat: for what share of them it is small.
        widths: units of each layer.
    """

    dead: Bool[np.ndarray, "lanes units"]
    flat: Float64[np.ndarray, "lanes units"]
    widths: tuple[int, ...]

    @classmethod
    def joined(cls, parts: Sequence["_Units"], counts: Sequence[int]) -> "_Units":
        """Return the units over the samples of all parts, so many in each."""
        flat = [np.rint(part.flat * n) for part, n in zip(parts, counts, strict=True)]
        dead = np.logical_and.reduce([part.dead for part in parts])
        return cls(dead, np.sum(flat, axis=0) / sum(counts), parts[0].widths)


@dataclass(frozen=True)
class _Remembering:
    """An activation that notes what it is applied to.

    No method of the network: that would hold itself, and all that it saw, until it is found to be
    garbage.
    """

    activation: Callable[[Values], Values]
    seen: list[Values]

    def __call__(self, values: Values) -> Values:
        self.seen.append(values.detach())
        return self.activation(values)


class _TracedNetwork(BatchedNetwork):
    """A network that remembers the pre-activations of its hidden layers."""

    def __init__(self, lanes: Lanes, parameters: Tensor, buffers: dict[str, Tensor]) -> None:
        super().__init__(lanes, parameters, buffers)
        self._plain, self._seen = self._hidden, list[Values]()
        self._hidden = _Remembering(self._hidden, self._seen)

    @classmethod
    def of(cls, lanes: Lanes, copy: LaneState) -> "_TracedNetwork":
        """Return the networks of lanes; a pass changes the buffers of `copy`."""
        buffers = {name: torch.from_numpy(array) for name, array in copy.buffers.items()}
        return cls(lanes, torch.from_numpy(copy.parameters), buffers)

    def units(self) -> _Units:
        """Return what the last pass says of the hidden units."""
        grid = torch.from_numpy(SLOPES_AT).to(next(iter(self._leaves.values())).dtype)
        steepest = self._slopes(grid.expand(self._count, 1, -1)).abs().amax(dim=(1, 2))
        dead, flat = [np.zeros((self._count, 0), bool)], [np.zeros((self._count, 0))]
        for values in self._seen:
            slopes = self._slopes(values).abs()
            dead.append((slopes == 0).all(dim=1).numpy())
            flat.append(
                (slopes < FLAT_SHARE * steepest[:, None, None]).double().mean(dim=1).numpy()
            )
        widths = tuple(values.shape[-1] for values in self._seen)
        return _Units(np.concatenate(dead, axis=1), np.concatenate(flat, axis=1), widths)

    def _slopes(self, values: Values) -> Values:
        """Return the derivative of the hidden activation at pre-activations."""
        leaf = values.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(self._plain(leaf).sum(), leaf)
        return slopes


def layer_norms(shape: Trial, flat: np.ndarray) -> Float64[np.ndarray, "lanes layers"]:
    """Return the 2-norm of each layer's part of flat vectors; of its mirror's where it has none."""
    arrays = layout_of(shape).parameters
    squares = np.zeros((len(flat), len(shape.topology) - 1))
    for array in arrays:
        part = flat[:, array.place].astype(np.float64)
        squares[:, array.layer.index] += np.square(part).sum(axis=1)
    own = {array.layer.index for array in arrays}
    for layer in layers_of(shape.topology):
        mirror = mirror_of(shape, layer)
        if mirror is not None and layer.index not in own:
            squares[:, layer.index] = squares[:, mirror.index]
    return np.sqrt(squares)


def _by_layer(
    units: Float64[np.ndarray, "lanes units"], widths: tuple[int, ...]
) -> Float64[np.ndarray, "lanes layers"]:
    """Return the mean over the units of each layer; 0 for the output layer, which has no hidden."""
    ends = np.cumsum((0, *widths))
    means = [units[:, first:end].mean(axis=1) for first, end in pairwise(ends)]
    return np.stack([*means, np.zeros(len(units))], axis=1)
