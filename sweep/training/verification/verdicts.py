"""What a row claims about its trial, and what verification found."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sweep.trial import StopReason, Trial


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a finished trial's row says of it.

    Attributes:
        trial: as it was asked for.
        engine, device, numerics_version, torch_version: with what it was trained. host: where.
        epochs, stop_reason, final_loss: how it ended.
        parameters: the saved weights, flat and in the network's dtype; None if not kept.
    """

    trial: Trial
    engine: str
    device: str
    numerics_version: int
    torch_version: str
    host: str
    epochs: int
    stop_reason: StopReason
    final_loss: float
    parameters: Float[np.ndarray, " parameters"] | None


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        text: what was found.
        holds: whether it is as claimed; None where that cannot be said.
        difference: the largest relative difference; None where nothing was measured.
        since: what was another when the row was written, so that nothing can be said.
    """

    text: str
    holds: bool | None = None
    difference: float | None = None
    since: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What verification found of one trial.

    Attributes:
        solo: trained again alone, by the engine that trained it.
        steps: one step from states along the way, beside the reference engine's.
        outcome: the loss at the saved weights, evaluated by the reference.
    """

    trial_id: str
    engine: str
    epochs: int
    solo: Check
    steps: Check
    outcome: Check

    @property
    def holds(self) -> bool | None:
        """False if any check failed, None if none could be made."""
        found = [c.holds for c in (self.solo, self.steps, self.outcome) if c.holds is not None]
        return all(found) if found else None
