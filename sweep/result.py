"""The result of a finished trial.

The fields of `Outcome` and `Provenance` are columns of the results under the same names.
"""

import functools
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Float64, Int8, Int64

from sweep.trial import Status, StopReason, Trial


def column(doc: str, **kwargs: Any) -> Any:
    """Declare a column with its documentation."""
    return field(metadata={"doc": doc}, **kwargs)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a trial ended."""

    status: Status = column("finished, diverged, failed, cancelled or pruned")
    stop_reason: StopReason = column(
        "converged, target, pattern, epochs, max_epochs, time, diverged, failed, cancelled or "
        "pruned"
    )
    epochs: int = column("epochs trained, each a pass over all samples")
    updates: int = column("optimizer steps made in the last phase")
    weights_epoch: int | None = column(
        "epochs trained of the saved weights, which final_loss and all that is measured at the end "
        "stand for: epochs, or with restore best the epoch of the least monitored loss",
        default=None,
    )
    final_loss: float | None = column("loss at the saved weights, evaluated anew", default=None)
    validation_loss: float | None = column(
        "loss on held-out samples at the saved weights", default=None
    )
    final_objective: float | None = column(
        "final_loss with its penalties (weight decay as L2)", default=None
    )
    best_loss: float | None = column("least loss of any epoch", default=None)
    best_epoch: int | None = column("epoch of best_loss", default=None)
    best_validation_loss: float | None = column(
        "least loss on held-out samples after any epoch", default=None
    )
    best_validation_epoch: int | None = column("epoch of best_validation_loss", default=None)
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
    pretraining_epochs: int | None = column(
        "epochs of the phases before the last; none without pretraining", default=None
    )
    dead_units: int | None = column(
        "hidden units whose activation's slope is 0 for every sample", default=None
    )
    saturated_share: float | None = column(
        "share of hidden units and samples whose slope is below 5% of the activation's steepest",
        default=None,
    )
    zero_outputs: int | None = column(
        "outputs that are 0 for every sample although their target is not", default=None
    )
    output_sparsity: float | None = column("share of output values that are 0", default=None)
    unit_distance: float | None = column(
        "least 2-norm between two hidden units of a layer: weights in, biases and weights out; 0 "
        "is an unbroken symmetry",
        default=None,
    )
    codes_distinct: bool | None = column(
        "whether every sample trained on has a code of its own: the bottleneck's activations in "
        "[0, 1], as sweep codes scales and rounds them, below 0.25 to 0, above 0.75 to 1, else to "
        "0.5; false where two samples are equal; none without hidden layers",
        default=None,
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
    numerics_version: int = column("version of the engine's arithmetic at the first epoch")
    pack: str = column("pack it was trained in")
    lanes: int = column("lanes trained beside it when it ended, itself included")
    lanes_by: str | None = column(
        "how those of a network of your own were trained: vmap, all at once, or loop, one after "
        "another; none of others",
        default=None,
    )
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


@functools.cache
def machine() -> dict[str, str]:
    """Return what the provenance of all that is trained in this process has in common."""
    return {
        "host": socket.gethostname(),
        "sweep_version": version("autoencoder-sweep"),
        "torch_version": version("torch"),
        "python_version": platform.python_version(),
    }


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The recorded losses of a trial, ascending in phase and epoch.

    Attributes:
        phase: of training, from 0. epoch: of the phase, from 1.
        loss: before the epoch's update. validation_loss: on held-out samples, nan where unknown.
    """

    phase: Int8[np.ndarray, " points"]
    epoch: Int64[np.ndarray, " points"]
    loss: Float64[np.ndarray, " points"]
    validation_loss: Float64[np.ndarray, " points"]

    @classmethod
    def of_losses(
        cls, epoch: Int64[np.ndarray, " points"], loss: Float64[np.ndarray, " points"]
    ) -> Self:
        """Return the curve of a training in one phase, without held-out samples."""
        return cls(
            phase=np.zeros(len(epoch), np.int8),
            epoch=epoch,
            loss=loss,
            validation_loss=np.full(len(epoch), np.nan),
        )

    @classmethod
    def empty(cls) -> Self:
        return cls.of_losses(np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial with everything that is kept of it.

    Attributes:
        details: by the name of a table, its columns but for `trial_id`: ladder, gradients, codes
            and phases; those not kept are left out.
        parameters: the final network, flat: its parameters, then its buffers; None if not kept.
        state: the arrays of its `LaneState`, one lane wide, to resume from; None if not kept.
    """

    trial: Trial
    outcome: Outcome
    provenance: Provenance
    curve: Curve
    details: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    parameters: Float[np.ndarray, " parameters"] | None = None
    state: dict[str, np.ndarray] | None = None
