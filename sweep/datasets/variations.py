"""Varies the samples that a data set is trained on: how many of them, and with how much noise.

What is held out stays as it is, so that losses on it can be compared.
"""

import numpy as np
from jaxtyping import Float64, Int64

from sweep.datasets.arrays import DatasetError, make_data, settled
from sweep.datasets.data import Data
from sweep.datasets.splits import DATA_PURPOSE
from sweep.elementary import log, sine_and_cosine

CHOICE, INPUT_NOISE, TARGET_NOISE = 1 << 32, 2 << 32, 3 << 32
"""Indices of draws, far from those of others with this purpose; noise counts blocks from there."""
ROWS = 1024  # samples of a block of noise


def choose_samples(data: Data, count: int, *, seed: int) -> Data:
    """Return the data with only some of the samples to train on, in their order.

    The choice is a function of the seed and the number of samples alone; a larger one holds all
    that a smaller one does.

    Args:
        data: what to choose from, split if it is to be.
        count: how many.
        seed: which, 0 to 2**63 - 1.

    Raises:
        DatasetError: there are not so many.
    """
    samples = len(data.inputs)
    if count > samples:
        held_out = data.validation_inputs
        beside = "" if held_out is None else f" beside {len(held_out):,} held out"
        got = f"{samples:,}{beside}"
        raise DatasetError(f"have {count:,} samples to train on, for train_samples", got)
    order = np.argsort(_words(samples, seed, CHOICE), kind="stable")
    rows: Int64[np.ndarray, " chosen"] = np.sort(order[:count])
    plain = data.targets is data.inputs
    return _with_samples(
        data,
        f"train-{count}",
        settled(data.inputs[rows]),
        None if plain else settled(data.targets[rows]),
    )


def add_noise(data: Data, deviation: float, *, seed: int) -> Data:
    """Return the data with normal noise on the samples to train on and on their targets.

    Where samples are their own targets they stay so: both have the same noise.

    Args:
        data: what to add to, split if it is to be.
        deviation: the standard deviation, > 0.
        seed: which noise, 0 to 2**63 - 1.
    """
    plain = data.targets is data.inputs
    return _with_samples(
        data,
        f"noise-{deviation:g}",
        _noisy(data.inputs, deviation, seed=seed, index=INPUT_NOISE),
        None if plain else _noisy(data.targets, deviation, seed=seed, index=TARGET_NOISE),
    )


def _with_samples(data: Data, suffix: str, inputs: np.ndarray, targets: np.ndarray | None) -> Data:
    held_out = None if targets is None else data.validation_targets
    return make_data(
        f"{data.name}-{suffix}",
        inputs,
        targets,
        validation_inputs=data.validation_inputs,
        validation_targets=held_out,
    )


def _noisy(
    array: Float64[np.ndarray, "samples features"], deviation: float, *, seed: int, index: int
) -> Float64[np.ndarray, "samples features"]:
    noisy = np.empty(array.shape)
    for block, start in enumerate(range(0, len(array), ROWS)):
        clean = array[start : start + ROWS]
        draws = _normal(clean.size, seed, index + block).reshape(clean.shape)
        noisy[start : start + ROWS] = clean + deviation * draws
    return settled(noisy)


def _normal(count: int, seed: int, index: int) -> Float64[np.ndarray, " count"]:
    """Return standard normal draws as sweep/nets/randomness.py does, which lies above."""
    pairs = (count + 1) // 2
    draws = (_words(2 * pairs, seed, index) >> np.uint64(11)) * 2.0**-53
    radius = np.sqrt(-2.0 * log(1.0 - draws[:pairs]))
    sine, cosine = sine_and_cosine(draws[pairs:])
    return np.concatenate([radius * cosine, radius * sine])[:count]


def _words(count: int, seed: int, index: int) -> np.ndarray:
    key = seed | (DATA_PURPOSE << 64)
    return np.random.Philox(key=key, counter=index << 128).random_raw(count)
