"""The data sets that come with sweep."""

import numpy as np

from sweep.datasets.arrays import DatasetError, check_size, make_data
from sweep.datasets.data import Data
from sweep.datasets.registry import dataset

Rows = tuple[tuple[float, ...], ...]


@dataset("one-hot")
def one_hot(size: int) -> Data:
    """Make the encoder problem: `size` samples, sample i being 1 at place i and 0 elsewhere."""
    check_size(size, size)
    return make_data(f"one-hot-{size}", np.eye(size))


@dataset("vectors")
def vectors(values: Rows, targets: Rows | None = None) -> Data:
    """Make a data set of the rows given."""
    width = len(values[0]) if values else 0
    return make_data(f"vectors-{len(values)}x{width}", values, targets)


@dataset("uniform")
def uniform(
    *, samples: int, features: int, low: float = 0.0, high: float = 1.0, seed: int = 0
) -> Data:
    """Make random vectors, uniform in [low, high).

    The bits come from Philox keyed by `seed` and are scaled here, so that a release of NumPy
    cannot change the data.
    """
    check_size(samples, features)
    if not low < high:
        raise DatasetError(f"have low < high, not {low!r} and {high!r}")
    raw = np.random.Philox(key=seed).random_raw(samples * features)
    share = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
    values = (low + (high - low) * share).reshape(samples, features)
    range_text = "" if (low, high) == (0, 1) else f"-in-{low:g}..{high:g}"
    return make_data(f"uniform-{samples}x{features}-{seed}{range_text}", values)
