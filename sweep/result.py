"""What a finished trial leaves behind. Knows nothing of how it was trained or where it is kept.

The fields of `Outcome` and `Provenance` are columns of the results under the same names.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64

from sweep.trial import Status, StopReason, Trial


def column(doc: str, **kwargs: Any) -> Any:
    """Declare a column with its documentation."""
    return field(metadata={"doc": doc}, **kwargs)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended."""

    status: Status = column("finished, diverged, failed or cancelled")
    stop_reason: StopReason = column(
        "converged, target, pattern, epochs, max_epochs, time, diverged, failed or cancelled"
    )
    epochs: int = column("epochs trained, each a pass over all samples")
    updates: int = column("optimizer steps made")
    final_loss: float | None = column("loss at the saved weights, evaluated anew", default=None)
    final_objective: float | None = column(
        "final_loss with its penalties (weight decay as L2)", default=None
    )
    best_loss: float | None = column("least loss of any epoch", default=None)
    best_epoch: int | None = column("epoch of best_loss", default=None)
    last_delta: float | None = column(
        "loss of the last epoch less that of the one before", default=None
    )
    gradient_norm: float | None = column(
        "2-norm of the objective's gradient at the saved weights", default=None
    )
    weight_distance: float | None = column(
        "2-norm of the saved parameters less the initial ones", default=None
    )
    samples_reconstructed: int | None = column(
        "samples whose every output is within 0.4 of its target", default=None
    )
    argmax_correct: int | None = column(
        "one-hot samples whose largest output is at the right place", default=None
    )
    error: str | None = column("the exception, in one line", default=None)
    traceback: str | None = column("where the exception came from", default=None)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where, when and with what a trial was trained."""

    seconds: float = column("time in training, seconds")
    seconds_share: float = column("the same divided among the lanes trained beside it, seconds")
    host: str = column("name of the machine")
    device: str = column("cpu or cuda")
    engine: str = column("engine that trained it")
    numerics_version: int = column("version of the engine's arithmetic")
    pack: str = column("pack it was trained in")
    lanes: int = column("lanes trained beside it when it ended, itself included")
    attempt: int = column("how often its pack had been started, from 1")
    resumed_from: int = column(
        "epoch at which training went on from a saved state; 0 from the start"
    )
    sweep_version: str = column("version of sweep")
    torch_version: str = column("version of PyTorch")
    ray_version: str | None = column("version of Ray; none without it", default=None)
    python_version: str = column("version of Python")
    git_revision: str | None = column(
        "git revision of the directory the sweep was run in", default=None
    )
    started: datetime = column("when its training began, or went on from a saved state, UTC")
    finished: datetime = column("when its training ended, UTC")


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial with everything that is kept of it.

    Attributes:
        curve_epochs, curve_loss: the recorded losses, ascending in epoch.
        parameters: the final network, flat: its parameters, then its buffers; None if not kept.
        state: the arrays of its `LaneState`, one lane wide, to resume from; None if not kept.
    """

    trial: Trial
    outcome: Outcome
    provenance: Provenance
    curve_epochs: Int64[np.ndarray, " points"]
    curve_loss: Float64[np.ndarray, " points"]
    parameters: Float[np.ndarray, " parameters"] | None = None
    state: dict[str, np.ndarray] | None = None
