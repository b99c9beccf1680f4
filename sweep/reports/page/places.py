"""Finds the trials that rows of other tables are of."""

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Int64

from sweep.planning.identities import identity_numbers


class Places:
    """Where each trial lies in a table, by its identity."""

    def __init__(self, trials: pd.DataFrame) -> None:
        numbers = identity_numbers(trials["trial_id"])
        self._order = np.argsort(numbers)
        self._sorted = numbers[self._order]

    def of(
        self, ids: pa.ChunkedArray
    ) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " trials"]]:
        """Return the number of each row's trial among those here, and the place of each, or -1."""
        encoded = ids.combine_chunks().dictionary_encode()
        numbers = identity_numbers(encoded.dictionary.to_pylist())
        at = np.minimum(np.searchsorted(self._sorted, numbers), len(self._sorted) - 1)
        places = np.where(self._sorted[at] == numbers, self._order[at], -1)
        return encoded.indices.to_numpy().astype(np.int64), places
