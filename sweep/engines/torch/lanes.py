"""Lanes as the leading axis of tensors: their epochs and updates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from sweep.components.optimizers import Optimizer, Step
from sweep.components.stopping import LOSS, VALIDATION_LOSS
from sweep.engines.epochs import batches, corrupted, epoch_order, epoch_share, scheduled_rates
from sweep.engines.penalties import CodePenalties, contracts, penalises
from sweep.engines.state import Lanes, LaneState
from sweep.engines.torch.graphs import StepGraph
from sweep.engines.torch.held_out import HeldOutLoss
from sweep.engines.torch.networks import (
    NO_DROPOUT,
    BatchedNetwork,
    Column,
    Dropout,
    Flat,
    column_of,
)
from sweep.engines.torch.own_network import OwnNetworks
from sweep.engines.torch.task import Task
from sweep.engines.validation import Schedule
from sweep.nets.dropout import dropout_factors, drops
from sweep.nets.layout import decay_shares
from sweep.plugins.components import component_of, flags_of


@dataclass(frozen=True)
class MiniBatch:
    """What lanes make an update with: their inputs and targets, with lanes in front if they differ.

    Attributes:
        dropout: what their values are multiplied with.
    """

    inputs: Float[Tensor, "... samples features"]
    targets: Float[Tensor, "... samples outputs"]
    dropout: Dropout


@dataclass
class BatchedRun:
    """Lanes in training, their state as tensors: on a CPU the memory of the `LaneState` itself."""

    task: Task
    lanes: Lanes
    network: BatchedNetwork | OwnNetworks
    parameters: Float[Tensor, "lanes parameters"]
    slots: dict[str, Float[Tensor, "lanes parameters"]]
    scalars: dict[str, Float[Tensor, " lanes"]]
    buffers: dict[str, Float[Tensor, "lanes _"]]
    optimizer: Optimizer
    flags: dict[str, bool]
    hyper: dict[str, Column]
    weight_decay: Column | Flat | None
    weight_l1: Column | Flat | None
    clip_limit: Column
    code_penalties: CodePenalties
    decay: Float64[np.ndarray, " lanes"]
    updates: Int64[np.ndarray, " lanes"]
    need_outputs: bool
    schedule: Schedule
    held_out: HeldOutLoss
    best: dict[str, Float[Tensor, "lanes network"]]
    least: dict[str, Float64[Tensor, " lanes"]]
    graph: StepGraph | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        lanes: Lanes,
        state: LaneState,
        schedule: Schedule,
        *,
        need_outputs: bool,
    ) -> "BatchedRun":
        """Load a state; without `need_outputs` the largest errors are 0."""
        device = task.inputs.device

        def on_device(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
            return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}

        parameters = torch.from_numpy(state.parameters).to(device)
        buffers = on_device(state.buffers)
        optimizer, options = component_of(task.shape, "optimizer")
        hyper = lanes.options("optimizer")
        updates = state.updates.copy()
        network: BatchedNetwork | OwnNetworks
        if task.own is None:
            network = BatchedNetwork(lanes, parameters, buffers)
        else:
            network = OwnNetworks(task.own, lanes, parameters, buffers, updates)
        return cls(
            task=task,
            lanes=lanes,
            network=network,
            parameters=parameters,
            slots=on_device(state.slots),
            scalars=on_device(state.scalars),
            buffers=buffers,
            optimizer=optimizer,
            flags=flags_of(optimizer, options),
            hyper={name: column_of(values, parameters) for name, values in hyper.items()},
            weight_decay=_on_weights(lanes, "weight_decay", parameters),
            weight_l1=_on_weights(lanes, "weight_l1", parameters),
            clip_limit=column_of(lanes.numbers("gradient_clip_limit"), parameters),
            code_penalties=CodePenalties.of_lanes(lanes, device),
            decay=hyper.get("decay", np.zeros(len(lanes))),
            updates=updates,
            need_outputs=need_outputs,
            schedule=schedule,
            held_out=HeldOutLoss(task, lanes, parameters, buffers),
            best=on_device(state.best),
            least=on_device({name: state.least(name).copy() for name in state.best}),
        )

    def train_epoch(self, epochs: Int64[np.ndarray, " lanes"]) -> Float64[Tensor, "3 lanes"]:
        """Make an epoch's updates; return what each lane's rules judge, without waiting.

        Args:
            epochs: how many epochs each lane has been trained before.

        Returns:
            The loss, the largest error, and the loss on held-out samples; nan if it is not due.
        """
        found = self._update_by_batches(epochs)
        due = self.schedule.due(epochs + 1)
        held_out = torch.full_like(found[0], torch.nan)
        if due.any():
            where = torch.from_numpy(due).to(found.device)
            held_out = torch.where(where, self.held_out(), held_out)
        self._keep_best({LOSS: found[0], VALIDATION_LOSS: held_out})
        return torch.cat([found, held_out[None]])

    def _keep_best(self, losses: dict[str, Float64[Tensor, " lanes"]]) -> None:
        """Copy the networks whose loss is the least so far."""
        for name, networks in self.best.items():
            better = losses[name] < self.least[name]
            torch.where(better, losses[name], self.least[name], out=self.least[name])
            present = torch.cat([self.parameters, *self.buffers.values()], dim=1)
            torch.where(better[:, None], present, networks, out=networks)

    def _update_by_batches(self, epochs: Int64[np.ndarray, " lanes"]) -> Float64[Tensor, "2 lanes"]:
        rates = scheduled_rates([lane.path for lane in self.lanes.lanes], epochs)
        found = torch.zeros(2, len(self.lanes), dtype=torch.float64, device=self.parameters.device)
        for batch in self._batches(epochs):
            rate = column_of(rates / (1.0 + self.decay * self.updates), self.parameters)
            self.updates += 1
            count = torch.from_numpy(self.updates.astype(np.float64)).to(found.device)[:, None]
            losses, errors = self._make_step(batch, rate=rate, count=count)
            size, samples = batch.targets.shape[-2], len(self.task.inputs)
            found[0] += losses * epoch_share(self.task.shape, size, samples)
            torch.maximum(found[1], errors, out=found[1])
        return found

    def _make_step(
        self, batch: MiniBatch, *, rate: Column, count: Column
    ) -> Float64[Tensor, "2 lanes"]:
        """Make an update, by a graph where every update takes the same inputs on a GPU."""
        if not self._repeats:
            return self._step(batch, rate=rate, count=count)
        if self.graph is None:
            before = self.remember()
            self.graph = StepGraph(
                lambda r, c: self._step(batch, rate=r, count=c),
                rate=rate,
                count=count,
                undo=lambda: self.restore(before),
            )
        return self.graph(rate, count)

    def _step(self, batch: MiniBatch, *, rate: Column, count: Column) -> Float64[Tensor, "2 lanes"]:
        """Make an update; return each lane's loss before it, and largest error or 0."""
        targets = batch.targets
        found = self.network.forward(batch.inputs, batch.dropout)
        loss = objective = self.task.loss(found.logits, found.outputs, targets)
        if penalises(self.task.shape):
            jacobian = None
            if contracts(self.task.shape):
                assert isinstance(self.network, BatchedNetwork), "a plan refuses it of others"
                jacobian = self.network.squared_jacobian(found)
            objective = loss + self.code_penalties.of(found.code, jacobian)
        gradient = self.network.gradient(objective.sum())
        with torch.no_grad():
            self._update(gradient, rate, count)
            errors = torch.zeros_like(loss)
            if self.need_outputs:
                errors = (found.outputs - targets).abs().amax(dim=(-2, -1)).double()
            return torch.stack([loss, errors])

    def save(self, state: LaneState) -> None:
        """Write what was trained into `state`."""
        state.updates[:] = self.updates
        for tensor, array in zip(_arrays(self), _arrays(state), strict=True):
            if tensor.device.type != "cpu":
                array[:] = tensor.cpu().numpy()

    def remember(self) -> list[Any]:
        """Return a copy of everything that training changes, for `restore`."""
        tensors = [*_arrays(self), *self.least.values()]
        return [self.updates.copy(), *(tensor.clone() for tensor in tensors)]

    def restore(self, remembered: list[Any]) -> None:
        """Go back to what `remember` returned."""
        updates, *tensors = remembered
        self.updates[:] = updates
        changed = [*_arrays(self), *self.least.values()]
        for tensor, before in zip(changed, tensors, strict=True):
            tensor.copy_(before)

    @property
    def _repeats(self) -> bool:
        """Whether a graph can stand for every update."""
        shape = self.task.shape
        same = shape.batch_size is None and shape.input_noise == "none" and not drops(shape)
        same &= self.task.own is None
        return same and self.parameters.device.type == "cuda"

    def _batches(self, epochs: Int64[np.ndarray, " lanes"]) -> Iterator[MiniBatch]:
        """Return an epoch's batches, one at a time."""
        task, inputs, dropout = self.task, self._inputs(epochs), self._dropout(epochs)
        if task.shape.batch_size is None:
            yield MiniBatch(inputs, task.targets, dropout)
            return
        samples = len(task.inputs)
        order = np.arange(samples)
        if task.shape.sample_order == "shuffled":
            pairs = zip(self.lanes.lanes, epochs.tolist(), strict=True)
            order = np.stack([epoch_order(ln.path, samples=samples, epoch=e) for ln, e in pairs])
        device = task.inputs.device
        lane = torch.arange(len(self.lanes), device=device)[:, None]
        for part in batches(order, task.shape.batch_size):
            rows = torch.from_numpy(part).to(device)
            taken = inputs[rows] if inputs.dim() == 2 else inputs[lane, rows]
            factors = {layer: kept[lane, rows] for layer, kept in dropout.items()}
            yield MiniBatch(taken, task.targets[rows], factors)

    def _dropout(self, epochs: Int64[np.ndarray, " lanes"]) -> Dropout:
        """Return what an epoch multiplies the values of layers with, of all samples."""
        if not drops(self.task.shape):
            return NO_DROPOUT
        samples, device = len(self.task.inputs), self.parameters.device
        pairs = zip(self.lanes.lanes, epochs.tolist(), strict=True)
        found = [dropout_factors(ln.path, samples=samples, epoch=e) for ln, e in pairs]
        return {
            layer: torch.from_numpy(np.stack([kept[layer] for kept in found])).to(device)
            for layer in found[0]
        }

    def _inputs(self, epochs: Int64[np.ndarray, " lanes"]) -> Float[Tensor, "... features"]:
        """Return an epoch's inputs: (samples, features), with lanes in front if they differ."""
        task = self.task
        if task.shape.input_noise == "none":
            return task.inputs
        pairs = zip(self.lanes.lanes, epochs.tolist(), strict=True)
        noisy = (corrupted(ln.path, task.data.inputs, epoch=e) for ln, e in pairs)
        return torch.stack([torch.from_numpy(inputs).to(task.inputs) for inputs in noisy])

    def _update(self, gradient: Tensor, rate: Column, count: Column) -> None:
        if self.task.shape.gradient_clip != "none":
            clipping, _ = component_of(self.task.shape, "gradient_clip")
            gradient = clipping.torch(gradient, self.clip_limit)
        if self.weight_l1 is not None:
            gradient = gradient + self.weight_l1 * self.parameters.sign()
        if self.weight_decay is not None:
            gradient = self._decay_weights(gradient, rate, self.weight_decay)
        self.optimizer.torch(
            Step(
                parameters=self.parameters,
                gradient=gradient,
                slots=self.slots,
                scalars=self.scalars,
                hyper=self.hyper,
                learning_rate=rate,
                count=count,
                flags=self.flags,
            )
        )

    def _decay_weights(self, gradient: Tensor, rate: Column, weight_decay: Column | Flat) -> Tensor:
        if not self.optimizer.decouples_decay:
            return gradient + weight_decay * self.parameters
        self.parameters.mul_(1 - rate * weight_decay)
        return gradient


def _on_weights(lanes: Lanes, name: str, parameters: Tensor) -> Column | Flat | None:
    """Return what a penalty is times each parameter, or each lane's; None where all are 0."""
    numbers = lanes.numbers(name)
    if not numbers.any():
        return None
    weights = column_of(numbers, parameters)
    if lanes.shape.decay_biases:
        return weights
    return weights * torch.from_numpy(decay_shares(lanes.shape)).to(parameters)


def _arrays(state: Any) -> list[Any]:
    """Return the arrays of a state, or the tensors of a run, that training changes."""
    groups = (state.slots, state.scalars, state.buffers, state.best)
    return [state.parameters, *(array for group in groups for array in group.values())]
