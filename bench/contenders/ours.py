"""Our own engines, called through their contract as the pool calls them."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from bench.contenders.contender import Weights
from bench.problem import one_hot, study_lanes
from bench.works import Work
from sweep.datasets.data import Data
from sweep.engines.contract import Engine
from sweep.engines.fused.engine import FusedEngine
from sweep.engines.torch.engine import TorchEngine
from sweep.planning.engines import choose_engine
from sweep.trial import Trial

ENGINES = {"fused": FusedEngine, "torch": TorchEngine}


class Ours:
    """Lanes of an engine."""

    def __init__(
        self,
        weights: Weights,
        topology: tuple[int, ...],
        *,
        make: Callable[[Trial, Data], Engine] = FusedEngine,
    ) -> None:
        """Begin at `weights`, which must be those of `study_lanes`."""
        self._lanes = study_lanes(len(weights), topology)
        self._engine = make(self._lanes.shape, one_hot(topology[0]))
        self._state = self._engine.begin(self._lanes)
        self.name = f"{self._engine.name} engine"
        assert np.array_equal(self._state.parameters, weights), "others begin elsewhere"

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        self._engine.advance(self._lanes, self._state, epochs)
        return self._state.previous_loss.copy()


class OursTorch(Ours):
    """Lanes of the torch engine."""

    def __init__(self, weights: Weights, topology: tuple[int, ...]) -> None:
        """Begin at `weights`, which must be those of `study_lanes`."""
        super().__init__(weights, topology, make=TorchEngine)


class Batches:
    """Networks of a work in the engine that a sweep would choose."""

    def __init__(self, work: Work, lanes: int, *, threads: int = 1) -> None:
        """Begin with the networks of the first seeds."""
        self._lanes = work.lanes(lanes)
        shape = self._lanes.shape
        make: Callable[..., Engine] = ENGINES[choose_engine(shape, "auto")]
        self._engine = make(shape, work.data, **({"threads": threads} if threads > 1 else {}))
        self._state = self._engine.begin(self._lanes)
        self.name = f"{self._engine.name} engine"

    def advance(self, epochs: int) -> Float64[np.ndarray, " lanes"]:
        self._engine.advance(self._lanes, self._state, epochs)
        return self._state.previous_loss.copy()
