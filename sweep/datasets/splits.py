"""Holds samples out of training."""

import numpy as np

from sweep.datasets.arrays import DatasetError, make_data, settled
from sweep.datasets.data import Data

DATA_PURPOSE = 4  # Purpose.DATA of sweep/nets/randomness.py, which lies above: no draw is shared


def hold_out(data: Data, share: float, *, seed: int) -> Data:
    """Return the data with a share of the samples held out, and all others, in their order.

    The choice is a function of the seed and the number of samples alone; of two shares at one seed
    the larger holds out all that the smaller does.

    Args:
        data: what to split, nothing being held out yet.
        share: of the samples, in (0, 1); their number is rounded to the nearest.
        seed: which samples, 0 to 2**63 - 1.

    Raises:
        DatasetError: nothing would be left on a side, or the data come with held-out samples.
    """
    if data.validation_inputs is not None:
        hint = "test: false leaves those of idx out"
        raise DatasetError(f"have no validation share where it comes with held-out samples; {hint}")
    samples = len(data.inputs)
    count = round(share * samples)
    if not 1 <= count < samples:
        got = f"{samples - count} and {count}"
        raise DatasetError(f"have at least one sample to train on and one to hold out, not {got}")
    words = np.random.Philox(key=seed | (DATA_PURPOSE << 64)).random_raw(samples)
    held = np.zeros(samples, bool)
    held[np.argsort(words, kind="stable")[:count]] = True
    parts = [settled(data.inputs[rows]) for rows in (~held, held)]
    plain = data.targets is data.inputs
    wanted = [None if plain else settled(data.targets[rows]) for rows in (~held, held)]
    return make_data(
        f"{data.name}-held-out-{share:g}",
        parts[0],
        wanted[0],
        validation_inputs=parts[1],
        validation_targets=wanted[1],
    )
