"""The networks of lanes whose module is the user's own: together by vmap, else one by one."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.func import functional_call

from sweep.engines.start import begin
from sweep.engines.state import Lane, Lanes
from sweep.engines.torch.networks import NO_DROPOUT, Dropout, Forward
from sweep.nets.layout import Array, layout_of
from sweep.nets.modules import OwnNetwork, keyed_draws
from sweep.trial import Trial

TRIED = 2
"""Lanes, and samples of each, on which vmap is held to the loop."""
CLOSE = {"float32": 1e-4, "float64": 1e-9}
MOST_NUMBERS = 50_000_000
"""Activations of the lanes trained at once."""

ByName = dict[str, Tensor]
Passed = tuple[Tensor, Tensor, tuple[Tensor, ...]]


class LanesBy(StrEnum):
    """How the lanes of a user's network are trained side by side."""

    VMAP = "vmap"
    LOOP = "loop"


@dataclass(frozen=True)
class OwnModule:
    """A user's module as the lanes of a pack key use it.

    Attributes:
        module: one of them, whose own arrays no pass uses. kinds: the dtypes of its buffers.
        by: vmap where that gives what the loop does. What a module draws is keyed by seed and
            update in the loop, the same in any pack, so that one that draws takes the loop.
    """

    module: OwnNetwork
    kinds: tuple[torch.dtype, ...]
    device: str
    by: LanesBy

    @classmethod
    def of(cls, shape: Trial, inputs: Float[Tensor, "samples features"]) -> "OwnModule":
        """Prepare for the trials of the pack key of `shape`, whose module is tried out."""
        module = OwnNetwork(shape).train().to(inputs.device)
        kinds = tuple(buffer.dtype for buffer in module.buffers())
        device = inputs.device.type
        found = {by: cls(module, kinds, device, by) for by in LanesBy}
        return found[LanesBy.VMAP if _agree(found, shape, inputs) else LanesBy.LOOP]


class OwnNetworks:
    """The modules of all lanes: views into one flat tensor, (lanes, parameters).

    `buffers` are changed in place by every pass in training.
    """

    def __init__(
        self,
        own: OwnModule,
        lanes: Lanes,
        parameters: Float[Tensor, "lanes parameters"],
        buffers: ByName,
        updates: Int64[np.ndarray, " lanes"] | None = None,
        *,
        training: bool = True,
    ) -> None:
        """View the modules of lanes, in training or in evaluation mode.

        Args:
            own: what they have in common.
            lanes: whose they are.
            parameters: of the modules.
            buffers: likewise.
            updates: how many each has made, the one under way included; left out in evaluation.
            training: which mode.
        """
        self._own, self._lanes, self._buffers, self._training = own, lanes, buffers, training
        self._updates = np.zeros(len(lanes), np.int64) if updates is None else updates
        self._arrays = layout_of(lanes.shape)
        self._leaves = {
            _inner(array): _shaped(parameters[:, array.place], array).detach().requires_grad_()
            for array in self._arrays.parameters
        }

    def forward(
        self, inputs: Float[Tensor, "... samples features"], dropout: Dropout = NO_DROPOUT
    ) -> Forward:
        """Run every lane's module on the same inputs, or each on its own."""
        inputs = inputs.expand(len(self._lanes), *inputs.shape[-2:])
        if 0 in dropout:
            inputs = inputs * dropout[0]
        self._own.module.train(self._training)
        run = torch.vmap(self._call) if self._own.by is LanesBy.VMAP else self._one_by_one
        codes, outputs, after = run(self._leaves, self._buffers_now(), inputs)
        with torch.no_grad():
            for buffer, changed in zip(self._buffers.values(), after, strict=True):
                buffer.copy_(changed.reshape(buffer.shape))
        return Forward(codes, outputs, outputs, (), dropout)

    def gradient(self, total: Tensor) -> Float[Tensor, "lanes parameters"]:
        """Return the gradient of the sum of all lanes' losses."""
        leaves = list(self._leaves.values())
        found = torch.autograd.grad(total, leaves, allow_unused=True)
        pairs = zip(leaves, found, strict=True)
        parts = [torch.zeros_like(leaf) if g is None else g for leaf, g in pairs]
        return torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)

    def _buffers_now(self) -> ByName:
        """Return copies of the buffers, which a pass may change, in their own dtypes."""
        arrays, kinds = self._arrays.buffers, self._own.kinds
        return {
            _inner(array): _shaped(self._buffers[array.name], array).to(kind, copy=True)
            for array, kind in zip(arrays, kinds, strict=True)
        }

    def _call(self, parameters: ByName, buffers: ByName, inputs: Tensor) -> Passed:
        found: Passed = functional_call(self._own.module, {**parameters, **buffers}, (inputs,))
        return found

    def _one_by_one(self, parameters: ByName, buffers: ByName, inputs: Tensor) -> Passed:
        """Run the lanes' modules in turn, each with the draws of its own update."""
        names, rows = list(parameters), zip(*(p.unbind() for p in parameters.values()), strict=True)
        found: list[Passed] = []
        for lane, (own, update) in enumerate(zip(rows, self._updates.tolist(), strict=True)):
            trial = self._lanes.lanes[lane].path
            kept = {name: buffer[lane] for name, buffer in buffers.items()}
            with keyed_draws(trial, update, self._own.device):
                found.append(self._call(dict(zip(names, own, strict=True)), kept, inputs[lane]))
        codes, outputs, after = zip(*found, strict=True)
        changed = tuple(torch.stack(parts) for parts in zip(*after, strict=True))
        return torch.stack(codes), torch.stack(outputs), changed


def most_lanes(activations: int, batch: int) -> int:
    """Return how many lanes of a user's module memory holds, from the sizes alone."""
    return max(1, MOST_NUMBERS // (activations * batch))


def _inner(array: Array) -> str:
    """Return the name of an array within `OwnNetwork`."""
    return f"module.{array.name}"


def _shaped(values: Tensor, array: Array) -> Tensor:
    return values.reshape(len(values), *array.shape)


def _agree(found: dict[LanesBy, OwnModule], shape: Trial, inputs: Tensor) -> bool:
    """Return whether vmap gives what the loop does, in training and in evaluation mode.

    That is codes, outputs, buffers and gradients, and outputs once more.
    """
    trials = (replace(shape, seed=seed) for seed in range(TRIED))
    lanes = Lanes(tuple(Lane((trial,)) for trial in trials))
    state = begin(lanes, 0)
    results: list[list[Tensor]] = []
    for own in (found[LanesBy.LOOP], found[LanesBy.VMAP]):
        on_device = {n: torch.from_numpy(b.copy()).to(inputs) for n, b in state.buffers.items()}
        parameters = torch.from_numpy(state.parameters.copy()).to(inputs)
        networks = OwnNetworks(own, lanes, parameters, on_device)
        evaluated = OwnNetworks(own, lanes, parameters, on_device, training=False)
        try:
            passed = networks.forward(inputs[:TRIED])
            gradient = networks.gradient(passed.outputs.sum() + passed.code.sum())
            outputs = evaluated.forward(inputs[:TRIED]).outputs
        except Exception:  # where the loop raises too, training will, and say so in its rows
            return False
        results.append([passed.code, passed.outputs, gradient, outputs, *on_device.values()])
    close = CLOSE[shape.dtype]
    return all(
        torch.allclose(a, b, rtol=close, atol=close, equal_nan=True)
        for a, b in zip(*results, strict=True)
    )
