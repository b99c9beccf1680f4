"""The torch engine: lanes as the leading axis of batched tensors, with autograd, on any device.

Lanes share every operation but nothing else: their losses are summed, never averaged, before the
backward pass, and optimizers act element by element.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float

from sweep.datasets.data import Data
from sweep.engines.contract import CHUNK_SECONDS, Evaluation, Stop
from sweep.engines.epochs import updates_per_epoch
from sweep.engines.evaluation import evaluate, held_out_tensors, hidden, tensors
from sweep.engines.penalties import contracts
from sweep.engines.start import begin
from sweep.engines.state import Lanes, LaneState
from sweep.engines.stop_rules import Rules, judge
from sweep.engines.torch.lanes import BatchedRun
from sweep.engines.torch.own_network import LanesBy, OwnModule, most_lanes
from sweep.engines.torch.task import Task
from sweep.engines.validation import Schedule, fit
from sweep.nets.layout import layout_of
from sweep.nets.losses import trial_loss
from sweep.nets.topology import bottleneck_layer
from sweep.plugins.networks import facts_of
from sweep.trial import Trial

STEP_SECONDS = 7e-4  # what a step of any size costs in calls; sizes chunks, on every machine alike
MULTIPLICATIONS_PER_SECOND = 2e9
MOST_DERIVATIVES = 30_000_000  # of codes by inputs in memory at once, of all lanes
GPU_WINDOW = 32  # epochs queued on a GPU before their losses are read


class TorchEngine:
    """Trains lanes of one pack key together."""

    name = "torch"
    numerics_version = 2
    capacity = 1024

    def __init__(
        self,
        shape: Trial,
        data: Data,
        device: str = "cpu",
        window: int | None = None,
        validation_every: int | None = None,
    ) -> None:
        """Prepare for trials of a pack key.

        Args:
            shape: any of them.
            data: what they train on.
            device: `cpu` or `cuda`.
            window: epochs to train before their losses are read; by default 1 on a CPU, and
                on a GPU so many that it need not wait. Changes no result.
            validation_every: epochs from one recorded loss on held-out samples to the next; None
                to take it only where a trial monitors it.
        """
        self.device, self._validation_every = device, validation_every
        self._shape, self._data = shape, data
        self._window = window or (1 if device == "cpu" else GPU_WINDOW)
        inputs, targets = (tensor.to(device) for tensor in tensors(data, shape))
        held_out = tuple(tensor.to(device) for tensor in held_out_tensors(data, shape) or ())
        own = None if shape.network is None else OwnModule.of(shape, inputs)
        self.lanes_by = None if own is None else str(own.by)
        self.capacity = min(self.capacity, _room(shape, len(inputs)))
        self._task = Task(shape, data, trial_loss(shape), inputs, targets, held_out, own)

    def begin(self, lanes: Lanes) -> LaneState:
        return fit(begin(lanes, self.numerics_version), lanes.lanes, self._data)

    def chunk_epochs(self, lanes: int) -> int:
        samples = len(self._data.inputs)
        work = 6.0 * samples * lanes * layout_of(self._shape).n_parameters
        steps = updates_per_epoch(self._shape, samples)
        if self.lanes_by == LanesBy.LOOP:
            steps *= lanes
        epoch_seconds = steps * STEP_SECONDS + work / MULTIPLICATIONS_PER_SECOND
        return max(1, round(CHUNK_SECONDS / epoch_seconds))

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        rules = Rules.of(lanes)
        schedule = Schedule.of(lanes, self._data, self._validation_every)
        run = BatchedRun.of(self._task, lanes, state, schedule, need_outputs=rules.need_outputs)
        stops: list[Stop] = []
        while epochs and state.live.any():
            trained, stopped = self._advance_window(run, state, rules, min(epochs, self._window))
            epochs -= trained
            stops += stopped
        run.save(state)
        return stops

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        lane_rows = enumerate(lanes.lanes)
        return [evaluate(lane.path, state.network(row), self._data) for row, lane in lane_rows]

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        return hidden(lanes.shape, state.network(0), self._data, layer)

    def _advance_window(
        self, run: BatchedRun, state: LaneState, rules: Rules, window: int
    ) -> tuple[int, list[Stop]]:
        """Train up to `window` epochs and judge them afterwards; return how many, and the stops.

        Where a trial stops before the last of them, the epochs up to there are trained again, so
        that every lane is as it was then.
        """
        began = state.epoch.copy()
        before = run.remember() if window > 1 else []
        found = [run.train_epoch(began + k) for k in range(window)]
        for k, (losses, worst, held_out) in enumerate(torch.stack(found).cpu().numpy()):
            met = judge(rules, state, losses=losses, worst_errors=worst, validation=held_out)
            if not met:
                continue
            if k + 1 < window:
                run.restore(before)
                for again in range(k + 1):
                    run.train_epoch(began + again)
            run.save(state)
            return k + 1, [Stop(row, watch, why, state.take([row])) for row, watch, why in met]
        return window, []


def _room(shape: Trial, samples: int) -> int:
    """Return how many lanes memory holds where that is few, from the sizes alone."""
    batch, room = min(shape.batch_size or samples, samples), TorchEngine.capacity
    if shape.network is not None:
        room = most_lanes(facts_of(shape).activations, batch)
    if contracts(shape):
        code = shape.topology[bottleneck_layer(shape.topology) or 0]
        room = min(room, MOST_DERIVATIVES // (batch * code * max(shape.topology)))
    return max(1, room)
