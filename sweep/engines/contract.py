"""The contract that every engine fulfils."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from sweep.engines.diagnosis import Diagnosis
from sweep.engines.state import Lanes, LaneState
from sweep.trial import StopReason

RECONSTRUCTION_MARGIN = 0.4
"""How far an output may be from its target to count as reconstructed."""
CHUNK_SECONDS = 0.25
"""About how long an engine trains between looks at the clock."""


@dataclass(frozen=True)
class Stop:
    """The end of one trial.

    Attributes:
        row: its lane's row at the call of `advance`. watch: its column among the lane's trials.
        reason: why it stopped.
        state: the lane as it was then, one lane wide.
    """

    row: int
    watch: int
    reason: StopReason
    state: LaneState


@dataclass(frozen=True)
class Evaluation:
    """A network evaluated at its saved weights, in evaluation mode.

    Attributes:
        loss: the loss over all samples. objective: the same with the penalties.
        gradient_norm: the 2-norm of the objective's gradient.
        samples_reconstructed: samples whose every output is within 0.4 of its target.
        argmax_correct: one-hot samples whose largest output is at the right place; None elsewhere.
        validation_loss: the loss over the held-out samples; None if there are none.
        diagnosis: of its units, where the engine looks at them.
    """

    loss: float
    objective: float
    gradient_norm: float
    samples_reconstructed: int
    argmax_correct: int | None
    validation_loss: float | None = None
    diagnosis: Diagnosis | None = None


@runtime_checkable
class Engine(Protocol):
    """Trains lanes of one pack key. Holds what is compiled or cached, never a lane's state."""

    name: str
    device: str
    numerics_version: int
    capacity: int  # lanes worth training at once
    lanes_by: str | None  # how lanes of a network of the user's own train, as a row says it

    def begin(self, lanes: Lanes) -> LaneState:
        """Return the state of `lanes` before their first epoch."""
        ...

    def chunk_epochs(self, lanes: int) -> int:
        """Return how many epochs to train before the clock is read: a function of sizes alone."""
        ...

    def advance(self, lanes: Lanes, state: LaneState, epochs: int) -> Sequence[Stop]:
        """Train every lane for up to `epochs` epochs, in place, and return the trials that stopped.

        In epoch t (counted from 1 in the lane's whole life) the loss L_t is taken at the weights
        before the update, the update is made, and the loss on held-out samples is taken where it
        is due. Then the stop rules of the lane's live trials judge either loss, and the network is
        copied where a loss that it is kept by is the least so far; `live` is cleared for trials
        that stop. A lane with no live trial left is done; what its row of `state` holds from then
        on has no meaning.
        """
        ...

    def evaluate(self, lanes: Lanes, state: LaneState) -> list[Evaluation]:
        """Evaluate every lane at its present weights, each as if it were alone."""
        ...

    def hidden(
        self, lanes: Lanes, state: LaneState, layer: int
    ) -> Float[np.ndarray, "samples units"]:
        """Return a layer's activations for the data; its network is the only one in `lanes`.

        Args:
            lanes: one.
            state: its own.
            layer: a hidden one, counted from 1.
        """
        ...
