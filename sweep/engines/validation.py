"""When the loss on held-out samples is taken, and what a state needs for it.

It is the loss after an epoch's updates, in evaluation mode: with running statistics, and without
what corrupts training. A lane one of whose trials monitors it, or restores its weights by it, has
it taken after every epoch; the others as often as is to be recorded.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from sweep.components.stopping import VALIDATION_LOSS
from sweep.datasets.data import Data
from sweep.engines.state import Lane, Lanes, LaneState
from sweep.ladder import monitored_by, restored_by


@dataclass(frozen=True)
class Schedule:
    """Which epochs the held-out loss of lanes is taken after.

    Attributes:
        every: of each lane, the epochs from one to the next; 0 for never.
    """

    every: Int64[np.ndarray, " lanes"]

    @classmethod
    def of(cls, lanes: Lanes, data: Data, recorded_every: int | None) -> "Schedule":
        """Return when it is taken.

        Args:
            lanes: the lanes.
            data: what they train on.
            recorded_every: epochs from one to the next of what is recorded; None for nothing.
        """
        if data.validation_inputs is None:
            return cls(np.zeros(len(lanes), np.int64))
        every = [1 if _monitors(lane) else recorded_every or 0 for lane in lanes.lanes]
        return cls(np.array(every, np.int64))

    def due(self, epochs: Int64[np.ndarray, " lanes"]) -> Bool[np.ndarray, " lanes"]:
        """Return whether it is taken after the last of so many epochs."""
        return np.asarray((self.every > 0) & (epochs % np.maximum(self.every, 1) == 0))


def _monitors(lane: Lane) -> bool:
    asked = map(vars, lane.trials)
    return any(
        VALIDATION_LOSS in monitored_by(trial)
        or restored_by(trial, held_out=True) == VALIDATION_LOSS
        for trial in asked
    )


def fit(state: LaneState, lanes: Iterable[Lane], data: Data) -> LaneState:
    """Return a state with room for what an engine takes of lanes that may train side by side.

    Args:
        state: of some of them.
        lanes: all that may.
        data: what they train on.
    """
    validates = data.validation_inputs is not None
    return state.fitted(validates=validates, restores=restores_of(lanes, data))


def restores_of(lanes: Iterable[Lane], data: Data) -> list[str]:
    """Return the losses by which any trial of lanes restores its weights."""
    held_out = data.validation_inputs is not None
    trials = (vars(trial) for lane in lanes for trial in lane.trials)
    restores = {restored_by(trial, held_out=held_out) for trial in trials}
    return sorted(filter(None, restores))
