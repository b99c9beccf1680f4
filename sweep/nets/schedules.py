"""The learning rate of an epoch and of an update. Knows nothing of optimizers."""

import numpy as np
from jaxtyping import Float64, Int64

from sweep.elementary import power, sine_and_cosine
from sweep.trial import Trial


def scheduled_rate(trial: Trial, epoch: int) -> float:
    """Return the learning rate of epoch `epoch`, counted from 0, before the optimizer's decay.

    exponential: rate * factor ** (epoch / period). step: rate * factor ** (epoch // period).
    cosine (Loshchilov and Hutter 2016, without restarts): from the rate to factor * rate over
    `period` epochs, constant thereafter.
    """
    rate = trial.learning_rate
    factor: float | None = trial.learning_rate_factor
    period: int | None = trial.learning_rate_period
    if trial.learning_rate_schedule == "constant" or factor is None or period is None:
        return rate
    if trial.learning_rate_schedule == "exponential":
        return rate * power(factor, epoch / period)
    if trial.learning_rate_schedule == "step":
        return rate * power(factor, float(epoch // period))
    assert trial.learning_rate_schedule == "cosine", trial.learning_rate_schedule
    _, cosine = sine_and_cosine(np.array([min(epoch / period, 1.0) / 2]))
    return rate * (factor + (1 - factor) * (1 + float(cosine[0])) / 2)


def scheduled_rates(
    trials: list[Trial], epochs: Int64[np.ndarray, " lanes"]
) -> Float64[np.ndarray, " lanes"]:
    """Return the learning rate of each trial at its own epoch, counted from 0."""
    pairs = zip(trials, epochs.tolist(), strict=True)
    return np.array([scheduled_rate(trial, epoch) for trial, epoch in pairs])


def decayed(rate: float, *, decay: float, updates: int) -> float:
    """Return rate / (1 + decay * n), as old Keras and torch's Adagrad do."""
    return rate / (1.0 + decay * updates)
