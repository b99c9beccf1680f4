"""The torch engine: lanes as the leading axis of batched tensors, with autograd, on any device.

Lanes share every operation but nothing else: their losses are summed, never averaged, before the
backward pass, and optimizers act element by element.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sweep.datasets.data import Data
from sweep.nets.activations import Shape, activation_of
from sweep.nets.losses import loss_of
from sweep.nets.optimizers import OPTIMIZERS, Column, Step
from sweep.nets.schedules import scheduled_rates
from sweep.nets.topology import count_parameters, layers_of
from sweep.training.batches import batches, epoch_order, updates_per_epoch
from sweep.training.engine import Evaluation, Stop
from sweep.training.evaluation import evaluate, tensors
from sweep.training.start import begin
from sweep.training.state import Lanes, LaneState
from sweep.training.watches import Rules, judge
from sweep.trial import Trial

STEP_SECONDS = 7e-4  # what a step of any size costs in calls; sizes chunks, on every machine alike
MULTIPLICATIONS_PER_SECOND = 2e9
CHUNK_SECONDS = 0.25


class TorchEngine:
    """Trains lanes of one pack key together."""

    name = "torch"
    numerics_version = 1
    capacity = 1024

    def __init__(self, shape: Trial, data: Data, device: str = "cpu") -> None:
        """Prepare for trials of the pack key of `shape` on `data`, on `cpu` or `cuda`."""
        self.device = device
        self._shape, self._data = shape, data
        self._inputs, self._targets = (tensor.to(device) for tensor in tensors(data, shape))
        self._loss = loss_of(
            shape.loss, shape.loss_semantics, output_activation=shape.output_activation
        )

    def begin(self, lanes: Lanes) -> LaneState:
        return begin(lanes)

    def chunk_epochs(self, lanes: int) -> int:
        samples = len(self._inputs)
        work = 6.0 * samples * lanes * count_parameters(self._shape.topology)
        steps = updates_per_epoch(self._shape, samples)
        epoch_seconds = steps * STEP_SECONDS + work / MULTIPLICATIONS_PER_SECOND
        return max(1, round(CHUNK_SECONDS / epoch_seconds))

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        run = _Run.of(lanes, state, torch.device(self.device))
        rules = Rules.of(lanes)
        stops: list[Stop] = []
        for _ in range(epochs):
            losses, worst = self._train_epoch(lanes, state, run, need_outputs=rules.need_outputs)
            for row, watch, reason in judge(rules, state, losses=losses, worst_errors=worst):
                run.save(state)
                stops.append(Stop(row, watch, reason, state.take([row])))
            if not state.live.any():
                break
        run.save(state)
        return stops

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        rows = zip(lanes.lanes, state.parameters, strict=True)
        return [evaluate(lane.path, parameters, self._data) for lane, parameters in rows]

    def _train_epoch(
        self, lanes: Lanes, state: LaneState, run: "_Run", *, need_outputs: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Make an epoch's updates; return every lane's loss and, if needed, its largest error."""
        rates = scheduled_rates([lane.path for lane in lanes.lanes], state.epoch)
        samples = len(self._inputs)
        losses = torch.zeros(len(lanes), dtype=torch.float64, device=self.device)
        worst = torch.zeros(len(lanes), dtype=self._inputs.dtype, device=self.device)
        for inputs, targets in self._batches(lanes, state):
            logits = run.network.logits(inputs)
            outputs = run.network.outputs_of(logits)
            loss = self._loss(logits, outputs, targets)
            gradient = run.network.gradient(loss.sum())
            with torch.no_grad():
                run.update(gradient, rates, state)
                losses += loss * (targets.shape[-2] / samples)
                if need_outputs:
                    torch.maximum(worst, (outputs - targets).abs().amax(dim=(-2, -1)), out=worst)
        errors = worst.double().cpu().numpy() if need_outputs else None
        return losses.cpu().numpy(), errors

    def _batches(self, lanes: Lanes, state: LaneState) -> list[tuple[Tensor, Tensor]]:
        """Return the epoch's inputs and targets, (samples, features) or with lanes in front."""
        if self._shape.batch_size is None:
            return [(self._inputs, self._targets)]
        samples = len(self._inputs)
        pairs = zip(lanes.lanes, state.epoch.tolist(), strict=True)
        if self._shape.sample_order == "shuffled":
            order = np.stack([epoch_order(ln.path, samples=samples, epoch=e) for ln, e in pairs])
        else:
            order = np.arange(samples)
        parts = (torch.from_numpy(part) for part in batches(order, self._shape.batch_size))
        return [(self._inputs[part], self._targets[part]) for part in parts]


class _Network:
    """The networks of all lanes: views into one flat tensor, (lanes, parameters)."""

    def __init__(self, lanes: Lanes, parameters: Tensor) -> None:
        shape, count = lanes.shape, len(lanes)
        self._leaves: list[Tensor] = []
        for layer in layers_of(shape.topology):
            weights = parameters[:, layer.weights].view(count, layer.fan_out, layer.fan_in)
            biases = parameters[:, layer.biases]
            self._leaves += [leaf.detach().requires_grad_() for leaf in (weights, biases)]
        self._hidden, self._output = map(activation_of, (shape.activation, shape.output_activation))
        self._hidden_shape = _shape_of(lanes, "activation", parameters)
        self._output_shape = _shape_of(lanes, "output_activation", parameters)

    def logits(
        self, inputs: Float[Tensor, "... samples features"]
    ) -> Float[Tensor, "lanes samples out"]:
        """Return the pre-activations of every lane's output layer."""
        values = inputs.expand(len(self._leaves[0]), *inputs.shape[-2:])
        for weights, biases in zip(self._leaves[::2], self._leaves[1::2], strict=True):
            if weights is not self._leaves[0]:
                values = self._hidden(values, self._hidden_shape)
            values = torch.baddbmm(biases[:, None], values, weights.mT)
        return values

    def outputs_of(
        self, logits: Float[Tensor, "lanes samples out"]
    ) -> Float[Tensor, "lanes samples out"]:
        return self._output(logits, self._output_shape)

    def gradient(self, total: Tensor) -> Float[Tensor, "lanes parameters"]:
        """Return the gradient of the sum of all lanes' losses."""
        return torch.cat([g.flatten(1) for g in torch.autograd.grad(total, self._leaves)], dim=1)


@dataclass
class _Run:
    """The lanes' state as tensors, for one call of `advance`; on a CPU the state's own memory."""

    network: _Network
    parameters: Float[Tensor, "lanes parameters"]
    slots: dict[str, Float[Tensor, "lanes parameters"]]
    scalars: dict[str, Float[Tensor, " lanes"]]
    hyper: dict[str, Column]
    weight_decay: Column | None
    decay: np.ndarray
    shape: Trial

    @classmethod
    def of(cls, lanes: Lanes, state: LaneState, device: torch.device) -> "_Run":
        parameters = torch.from_numpy(state.parameters).to(device)
        columns = {
            name: _column(lanes.numbers(f"optimizer_{name}"), parameters)
            for name in OPTIMIZERS[lanes.shape.optimizer].hyper
        }
        weight_decay = lanes.numbers("weight_decay")
        return cls(
            network=_Network(lanes, parameters),
            parameters=parameters,
            slots={name: torch.from_numpy(slot).to(device) for name, slot in state.slots.items()},
            scalars={
                name: torch.from_numpy(values).to(device) for name, values in state.scalars.items()
            },
            hyper=columns,
            weight_decay=_column(weight_decay, parameters) if weight_decay.any() else None,
            decay=lanes.numbers("optimizer_decay"),
            shape=lanes.shape,
        )

    def update(self, gradient: Tensor, rates: np.ndarray, state: LaneState) -> None:
        """Make one update of every lane, at the epoch's learning rates."""
        rate = _column(rates / (1.0 + self.decay * state.updates), self.parameters)
        state.updates += 1
        if self.weight_decay is not None:
            gradient = self._decay_weights(gradient, rate, self.weight_decay)
        count = torch.from_numpy(state.updates.astype(np.float64))[:, None].to(
            self.parameters.device
        )
        OPTIMIZERS[self.shape.optimizer].update(
            Step(
                parameters=self.parameters,
                gradient=gradient,
                slots=self.slots,
                scalars=self.scalars,
                hyper=self.hyper,
                learning_rate=rate,
                count=count,
                shape=self.shape,
            )
        )

    def save(self, state: LaneState) -> None:
        """Write the tensors back where they are not the state's own memory."""
        pairs = [(self.parameters, state.parameters)]
        pairs += [(self.slots[name], slot) for name, slot in state.slots.items()]
        pairs += [(self.scalars[name], values) for name, values in state.scalars.items()]
        for tensor, array in pairs:
            if tensor.device.type != "cpu":
                array[:] = tensor.cpu().numpy()

    def _decay_weights(self, gradient: Tensor, rate: Column, weight_decay: Column) -> Tensor:
        if self.shape.optimizer != "adamw":
            return gradient + weight_decay * self.parameters
        self.parameters.mul_(1 - rate * weight_decay)
        return gradient


def _column(values: np.ndarray, like: Tensor) -> Column:
    return torch.from_numpy(values).to(like.device, like.dtype)[:, None]


def _shape_of(lanes: Lanes, prefix: str, like: Tensor) -> Shape:
    """Return the activation's parameters, broadcasting over samples and features."""
    slope = _column(lanes.numbers(f"{prefix}_slope", 0.01), like)[:, None]
    alpha = _column(lanes.numbers(f"{prefix}_alpha", 1.0), like)[:, None]
    return Shape(slope, alpha)
