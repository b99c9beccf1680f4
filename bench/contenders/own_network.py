"""The network of examples/own_network.yaml: our lanes of it, and the loop that one would write."""

import sys
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.nn import functional as F

from sweep.config import load_config
from sweep.datasets.data import Data
from sweep.datasets.registry import load_data
from sweep.engines.epochs import epoch_order
from sweep.engines.state import Lane, Lanes
from sweep.engines.torch.engine import TorchEngine
from sweep.nets.modules import draw_seed
from sweep.planning import expand
from sweep.plugins.networks import make_module
from sweep.trial import Trial

EXAMPLE = Path(__file__).parents[2] / "examples/own_network.yaml"


def example_trials(seeds: int, samples: int = 1797) -> tuple[list[Trial], Data]:
    """Return the example's larger convolutional network at so many seeds, and its data."""
    data = f"dataset={{name: digits, samples: {samples}}}"
    wanted = (
        f"grid={{network: {{name: 'own_network:Convolutional', code: 16}}, replicates: {seeds}}}"
    )
    sys.path.append(str(EXAMPLE.parent))
    grid = expand(load_config(EXAMPLE, [data, wanted]))
    (spec,) = grid.datasets.values()
    return list(grid), load_data(spec)


class OursOwn:
    """Lanes of the torch engine."""

    name = "torch engine"

    def __init__(self, trials: list[Trial], data: Data) -> None:
        self._lanes = Lanes(tuple(Lane((trial,)) for trial in trials))
        self._engine = TorchEngine(trials[0], data)
        self._state = self._engine.begin(self._lanes)

    @property
    def lanes_by(self) -> str:
        return str(self._engine.lanes_by)

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        self._engine.advance(self._lanes, self._state, epochs)
        return self._state.previous_loss.copy()


class EagerOwn:
    """Modules trained one after another, as PyTorch's tutorials do."""

    name = "PyTorch"

    def __init__(self, trials: list[Trial], data: Data) -> None:
        self._trials, self._epoch = trials, 0
        self._inputs = torch.tensor(data.inputs, dtype=torch.float32)
        self._modules = [make_module(trial, draw_seed(trial, 0)) for trial in trials]
        self._optimizers = [
            torch.optim.Adam(module.parameters(), lr=trial.learning_rate)
            for module, trial in zip(self._modules, trials, strict=True)
        ]

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        losses = np.zeros(len(self._trials))
        for lane, parts in enumerate(
            zip(self._trials, self._modules, self._optimizers, strict=True)
        ):
            for epoch in range(self._epoch, self._epoch + epochs):
                losses[lane] = self._train(*parts, epoch)
        self._epoch += epochs
        return losses

    def _train(
        self, trial: Trial, module: nn.Module, optimizer: torch.optim.Optimizer, epoch: int
    ) -> float:
        """Train for an epoch and return its loss, which a stop rule would look at."""
        total = torch.zeros((), dtype=torch.float64)
        order = torch.from_numpy(epoch_order(trial, samples=len(self._inputs), epoch=epoch))
        for part in torch.split(order, trial.batch_size or len(order)):
            batch = self._inputs[part]
            outputs: Tensor = module.decode(module.encode(batch))  # type: ignore[operator]
            loss = F.mse_loss(outputs, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach() * len(batch)
        return total.item() / len(order)
