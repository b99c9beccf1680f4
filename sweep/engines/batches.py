"""The order in which an epoch sees the samples."""

import numpy as np
from jaxtyping import Int64

from sweep.nets.randomness import permutation
from sweep.trial import Trial


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
