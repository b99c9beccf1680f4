"""What an epoch trains with: its learning rate, the order of its samples and their noise."""

import numpy as np
from jaxtyping import Float64, Int64

from sweep.components.noise import Draws
from sweep.nets.randomness import Purpose, normal, permutation, uniform
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


def updates_per_epoch(shape: Trial, samples: int) -> int:
    """Return how many updates an epoch makes; the last batch may be short."""
    return -(-samples // (shape.batch_size or samples))


def epoch_order(trial: Trial, *, samples: int, epoch: int) -> Int64[np.ndarray, " samples"]:
    """Return the samples in the order of an epoch, counted from 0: a function of seed and epoch."""
    if trial.sample_order == "shuffled":
        return permutation(samples, seed=trial.seed, epoch=epoch)
    return np.arange(samples)


def epoch_share(shape: Trial, batch: int, samples: int) -> float:
    """Return what the loss of a batch counts for in its epoch's: sums add up, means by samples."""
    return 1.0 if shape.loss_reduction == "sum" else batch / samples


def batches(order: np.ndarray, batch_size: int | None) -> list[np.ndarray]:
    """Split the last axis of `order` into batches of at most `batch_size`."""
    samples = order.shape[-1]
    size = batch_size or samples
    return [order[..., start : start + size] for start in range(0, samples, size)]


def corrupted(
    trial: Trial, inputs: Float64[np.ndarray, "samples features"], *, epoch: int
) -> Float64[np.ndarray, "samples features"]:
    """Return the inputs as a trial sees them in an epoch, counted from 0.

    Draws depend on seed and epoch, a sample's also on its place in the data, never on the batch
    that it is in; a greater rate masks what a smaller one does and more.
    """
    if trial.input_noise == "none":
        return inputs
    noise, options = component_of(trial, "input_noise")
    draw = {Draws.NORMAL: normal, Draws.UNIFORM: uniform}[noise.draws]
    flat = draw(inputs.size, seed=trial.seed, purpose=Purpose.NOISE, index=epoch)
    seen = inputs.astype(trial.dtype).astype(np.float64)  # as every engine holds them
    return np.asarray(noise.corrupt(seen, flat.reshape(inputs.shape), **options))
