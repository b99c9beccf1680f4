"""The reference engine: an nn.Module, a torch.optim optimizer, the plain loop.

Slow, obviously right: every other engine is held against it. Lanes train one after the other.
"""

from collections.abc import Sequence
from math import inf, isnan, nan

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sweep.datasets.data import Data
from sweep.engines.contract import CHUNK_SECONDS, Evaluation, Stop
from sweep.engines.epochs import (
    batches,
    corrupted,
    decayed,
    epoch_order,
    epoch_share,
    scheduled_rate,
    updates_per_epoch,
)
from sweep.engines.evaluation import evaluate, held_out_tensors, hidden, loss_on, tensors
from sweep.engines.penalties import CodePenalties, contracts, squared_jacobian
from sweep.engines.reference.optimizers import ReferenceOptimizer
from sweep.engines.start import begin
from sweep.engines.state import Lanes, LaneState
from sweep.engines.stop_rules import Rules, judge
from sweep.engines.validation import Schedule, fit
from sweep.nets.autoencoder import Autoencoder, flatten, load_flat, network_of
from sweep.nets.dropout import dropout_factors
from sweep.nets.layout import layout_of
from sweep.nets.losses import trial_loss
from sweep.nets.modules import OwnNetwork, keyed_draws
from sweep.plugins.components import component_of
from sweep.trial import Trial

Network = Autoencoder | OwnNetwork
STEP_SECONDS = 1e-3  # what a step costs in calls; sizes chunks, on every machine alike


class ReferenceEngine:
    """Trains one network at a time as PyTorch's own tutorials do."""

    name = "reference"
    device = "cpu"
    numerics_version = 2
    capacity = 1
    lanes_by: str | None = None

    def __init__(self, shape: Trial, data: Data, validation_every: int | None = None) -> None:
        """Prepare for trials of a pack key.

        Args:
            shape: any of them.
            data: what they train on.
            validation_every: epochs from one recorded loss on held-out samples to the next; None
                to take it only where a trial monitors it.
        """
        self._shape, self._data, self._validation_every = shape, data, validation_every
        self._inputs, self._targets = tensors(data, shape)
        self._held_out = held_out_tensors(data, shape)
        self._loss = trial_loss(shape)

    def begin(self, lanes: Lanes) -> LaneState:
        return fit(begin(lanes, self.numerics_version), lanes.lanes, self._data)

    def chunk_epochs(self, lanes: int) -> int:
        steps = updates_per_epoch(self._shape, len(self._inputs)) * lanes
        return max(1, round(CHUNK_SECONDS / (steps * STEP_SECONDS)))

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        stops: list[Stop] = []
        for row in range(len(lanes)):
            alone = state.take([row])
            for stop in self._advance_one(lanes.take([row]), alone, epochs):
                stops.append(Stop(row, stop.watch, stop.reason, stop.state))
            for name, array in state.arrays().items():
                array[row] = alone.arrays()[name][0]
        return stops

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        lane_rows = enumerate(lanes.lanes)
        return [evaluate(lane.path, state.network(row), self._data) for row, lane in lane_rows]

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        return hidden(lanes.shape, state.network(0), self._data, layer)

    def _advance_one(self, lanes: Lanes, state: LaneState, epochs: int) -> list[Stop]:
        trial, rules = lanes.shape, Rules.of(lanes)
        schedule = Schedule.of(lanes, self._data, self._validation_every)
        network = network_of(trial)
        load_flat(network, state.network(0))
        optimizer = ReferenceOptimizer(trial, network)
        optimizer.load(state)
        stops: list[Stop] = []
        for _ in range(epochs):
            if not state.live.any():
                break
            loss, worst = self._train_epoch(trial, network, optimizer, int(state.epoch[0]))
            held_out = self._validate(network) if schedule.due(state.epoch + 1)[0] else nan
            met = judge(
                rules,
                state,
                losses=np.array([loss]),
                worst_errors=np.array([worst]),
                validation=np.array([held_out]),
            )
            for name, networks in state.best.items():
                if state.best_epochs(name)[0] == state.epoch[0]:
                    networks[0] = flatten(network)
            if met:
                _save(network, state, trial)
                optimizer.save(state)
                stops += [Stop(0, watch, reason, state.take([0])) for _, watch, reason in met]
        _save(network, state, trial)
        optimizer.save(state)
        return stops

    def _validate(self, network: Network) -> float:
        """Return the loss on held-out samples; infinity where it is no number."""
        assert self._held_out is not None
        loss = loss_on(self._held_out, network.eval(), self._loss)
        network.train()
        return inf if isnan(loss) else loss

    def _train_epoch(
        self, trial: Trial, network: Network, optimizer: ReferenceOptimizer, epoch: int
    ) -> tuple[float, float]:
        """Make an epoch's updates; return its loss and the largest error of any output."""
        samples, inputs = len(self._inputs), self._inputs
        if trial.input_noise != "none":
            noisy = corrupted(trial, self._data.inputs, epoch=epoch)
            inputs = torch.from_numpy(noisy).to(self._inputs)
        found = dropout_factors(trial, samples=samples, epoch=epoch)
        factors = {layer: torch.from_numpy(array) for layer, array in found.items()}
        rate, penalties = scheduled_rate(trial, epoch), CodePenalties.of_trial(trial)
        total, worst = 0.0, 0.0
        for batch in batches(epoch_order(trial, samples=samples, epoch=epoch), trial.batch_size):
            targets = self._targets[batch]
            network.dropout = {layer: kept[batch] for layer, kept in factors.items()}
            given = inputs[batch].requires_grad_(contracts(trial))
            with keyed_draws(trial, optimizer.updates + 1):
                codes = network.encode(given)
                logits = network.logits_of(codes)
            outputs = network.outputs_of(logits)
            loss: Tensor = self._loss(logits, outputs, targets)
            network.zero_grad()
            jacobian = squared_jacobian(codes, given) if contracts(trial) else None
            objective = loss + penalties.of(codes, jacobian)
            objective.backward()  # type: ignore[no-untyped-call]
            _fill_gradients(network)
            _clip(network, trial)
            optimizer.step(
                decayed(rate, decay=trial.optimizer_decay or 0.0, updates=optimizer.updates)
            )
            total += loss.item() * epoch_share(trial, len(batch), samples)
            worst = max(worst, (outputs.detach() - targets).abs().max().item())
        return total, worst


def _fill_gradients(network: Network) -> None:
    """Let a parameter that a pass does not use, as a user's module may, have the gradient 0."""
    for parameter in network.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)


def _clip(network: Network, trial: Trial) -> None:
    """Clip the gradients before the optimizer adds the weight decay."""
    if trial.gradient_clip != "none":
        clipping, options = component_of(trial, "gradient_clip")
        clipping.reference(network.parameters(), options["limit"])


def _save(network: Network, state: LaneState, trial: Trial) -> None:
    """Write parameters and buffers into a state of one lane."""
    flat, layout = flatten(network), layout_of(trial)
    state.parameters[0] = flat[: layout.n_parameters]
    for buffer in layout.buffers:
        state.buffers[buffer.name][0] = flat[buffer.place]
