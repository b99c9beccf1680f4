"""Which parameters vary among the trials seen so far."""

import pyarrow as pa
import pyarrow.compute as pc

from sweep.trial import PARAMETERS, SAME_LOSS

UNSHOWN = {"data_fingerprint"}
"""Parameters that vary with others, which say more."""


class Varying:
    """Finds which parameters vary, looking at each trial once."""

    def __init__(self) -> None:
        self._first: dict[str, pa.Scalar] = {}
        self._varying: set[str] = set()

    def add(self, trials: pa.Table) -> None:
        """Take in rows of the table of trials."""
        for name in PARAMETERS.keys() - self._varying:
            first = self._first.setdefault(name, trials[name][0])
            if not _all_equal(trials[name], first):
                self._varying.add(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Those to be shown, in the order of the table."""
        return tuple(name for name in PARAMETERS if name in self._varying - UNSHOWN)

    @property
    def mixed(self) -> tuple[str, ...]:
        """Those by which losses are on several scales."""
        return tuple(name for name in SAME_LOSS if name in self._varying)


def _all_equal(column: pa.ChunkedArray, first: pa.Scalar) -> bool:
    if not first.is_valid:
        return bool(column.null_count == len(column))
    return column.null_count == 0 and bool(pc.all(pc.equal(column, first)).as_py())
