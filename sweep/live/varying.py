"""Which parameters vary among the trials seen so far."""

import pyarrow as pa
import pyarrow.compute as pc

from sweep.trial import PARAMETERS, REPEATS, SAME_LOSS

UNSHOWN = {"data_fingerprint"}
"""Parameters that vary with others, which say more."""

CALLED = {"data_fingerprint": "dataset"}


class Varying:
    """Finds which parameters vary, looking at each trial once."""

    def __init__(self) -> None:
        self._known: dict[str, pa.Scalar] = {}  # the first value of each parameter
        self._several: set[str] = set()  # parameters of more than one value
        self._missing: set[str] = set()  # parameters that some trials do not have

    def add(self, trials: pa.Table) -> None:
        """Take in rows of the table of trials."""
        for name in PARAMETERS.keys() - self._several:
            column = trials[name]
            if column.null_count:
                self._missing.add(name)
                column = column.drop_null()
            if len(column):
                first = self._known.setdefault(name, column[0])
                if not pc.all(pc.equal(column, first)).as_py():
                    self._several.add(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Those to be shown, in the order of the table, repeats last."""
        varying = self._several | (self._missing & self._known.keys())
        shown = [n for n in PARAMETERS if n in varying - UNSHOWN and not self._follows(n, varying)]
        return tuple(sorted(shown, key=lambda name: name in REPEATS))

    @property
    def mixed(self) -> tuple[str, ...]:
        """Those by which losses are on several scales."""
        return tuple(CALLED.get(name, name) for name in SAME_LOSS if name in self._several)

    def _follows(self, name: str, varying: set[str]) -> bool:
        """Return whether a parameter is an option that some values of another alone have."""
        is_option = any(name.startswith(f"{other}_") for other in varying)
        return is_option and name not in self._several
