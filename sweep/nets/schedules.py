"""The learning rate of an epoch and of an update."""

import numpy as np
from jaxtyping import Float64, Int64

from sweep.plugins.components import component_of
from sweep.trial import Trial


def scheduled_rate(trial: Trial, epoch: int) -> float:
    """Return the learning rate of epoch `epoch`, counted from 0, before the optimizer's decay."""
    schedule, options = component_of(trial, "learning_rate_schedule")
    given = {"factor": options.get("factor", 1.0), "period": options.get("period", 1)}
    rate: float = schedule.rate(trial.learning_rate, epoch, **given)
    return rate


def scheduled_rates(
    trials: list[Trial], epochs: Int64[np.ndarray, " lanes"]
) -> Float64[np.ndarray, " lanes"]:
    """Return the learning rate of each trial at its own epoch, counted from 0."""
    pairs = zip(trials, epochs.tolist(), strict=True)
    return np.array([scheduled_rate(trial, epoch) for trial, epoch in pairs])


def decayed(rate: float, *, decay: float, updates: int) -> float:
    """Return rate / (1 + decay * n), as old Keras and torch's Adagrad do."""
    return rate / (1.0 + decay * updates)
