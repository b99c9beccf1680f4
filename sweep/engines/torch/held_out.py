"""The loss of lanes on held-out samples."""

import torch
from jaxtyping import Float64
from torch import Tensor

from sweep.engines.state import Lanes
from sweep.engines.torch.networks import BatchedNetwork
from sweep.engines.torch.own_network import OwnNetworks
from sweep.engines.torch.task import Task
from sweep.plugins.networks import facts_of

MOST_ACTIVATIONS = 2**24
"""Of a layer at once: so many lanes are evaluated side by side, whatever the number of samples."""


class HeldOutLoss:
    """Evaluates the networks of lanes, in evaluation mode, as they are when it is asked."""

    def __init__(
        self, task: Task, lanes: Lanes, parameters: Tensor, buffers: dict[str, Tensor]
    ) -> None:
        """View networks in training.

        Args:
            task: what they are evaluated on.
            lanes: whose they are.
            parameters: of the networks, in the memory in which they are trained.
            buffers: likewise.
        """
        self._task, self._parts = task, list[BatchedNetwork | OwnNetworks]()
        if not task.held_out:
            return
        each = facts_of(task.shape).activations if task.own else max(task.shape.topology)
        size = len(task.held_out[0]) * each
        count = max(1, MOST_ACTIVATIONS // size)
        for start in range(0, len(lanes), count):
            rows = range(start, min(start + count, len(lanes)))
            part = slice(rows.start, rows.stop)
            network: BatchedNetwork | OwnNetworks
            own = {name: buffer[part] for name, buffer in buffers.items()}
            taken = lanes.take(list(rows))
            if task.own is None:
                network = BatchedNetwork(taken, parameters[part], own, training=False)
            else:
                network = OwnNetworks(task.own, taken, parameters[part], own, training=False)
            self._parts.append(network)

    def __call__(self) -> Float64[Tensor, " lanes"]:
        """Return each lane's loss; infinity where it is no number."""
        inputs, targets = self._task.held_out
        losses = []
        with torch.no_grad():
            for part in self._parts:
                found = part.forward(inputs)
                losses.append(self._task.loss(found.logits, found.outputs, targets))
        loss = torch.cat(losses)
        return torch.where(loss.isnan(), torch.inf, loss)
