"""Builds results by hand. Trains nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sweep.result import Curve, Outcome, Provenance, TrialResult
from sweep.trial import StopReason, Trial

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
TRIAL: dict[str, Any] = {
    "dataset": "one-hot",
    "data_fingerprint": "0123456789abcdef",
    "topology": (4, 2, 4),
    "activation": "sigmoid",
    "output_activation": "sigmoid",
    "initialiser": "uniform",
    "initialiser_constant": 0.5,
    "seed": 0,
    "loss": "binary_cross_entropy",
    "loss_semantics": "keras",
    "optimizer": "rmsprop",
    "learning_rate": 0.01,
    "optimizer_rho": 0.9,
    "dtype": "float32",
    "max_epochs": 1000,
}


def make_trial(**changes: Any) -> Trial:
    return Trial(**{**TRIAL, **changes})


def make_result(
    reason: StopReason = StopReason.CONVERGED,
    *,
    minutes: float = 1,
    epochs: int = 100,
    outcome: dict[str, Any] | None = None,
    state: dict[str, np.ndarray] | None = None,
    details: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    **changes: Any,
) -> TrialResult:
    """Return a result of the trial that `changes` describe, finished `minutes` after `START`."""
    trial = make_trial(**changes)
    facts: dict[str, Any] = {"final_loss": 0.25, "best_loss": 0.25, "samples_reconstructed": 4}
    failed = reason.status in ("failed", "cancelled")
    return TrialResult(
        trial=trial,
        outcome=Outcome(
            status=reason.status,
            stop_reason=reason,
            epochs=epochs,
            updates=epochs,
            **({} if failed else facts) | (outcome or {}),
        ),
        provenance=make_provenance(START + timedelta(minutes=minutes)),
        curve=Curve.of_losses(np.array([1, 10, epochs]), np.array([1.0, 0.5, 0.25])),
        details=details or {},
        parameters=None if failed else np.arange(22, dtype=np.float32),
        state=state,
    )


def make_provenance(finished: datetime) -> Provenance:
    return Provenance(
        seconds=1.5,
        seconds_share=0.75,
        host="here",
        device="cpu",
        engine="torch",
        numerics_version=1,
        pack="pack-1",
        lanes=2,
        attempt=1,
        resumed_from=0,
        sweep_version="0.1.0",
        torch_version="2.13.0",
        python_version="3.11.9",
        started=START,
        finished=finished,
    )
